create schema if not exists identity;
create table if not exists {form_pair} (
  kind varchar, left_form ubigint, right_form ubigint, weight double, rule varchar, evidence varchar);
create table if not exists {known_form} (kind varchar, form ubigint, model varchar);
create table if not exists {large_block} (kind varchar, rule utinyint, key ubigint);
create table if not exists {uncompared} (
  kind varchar, rule varchar, value varchar, records bigint, pairs bigint);
create table if not exists {shared_value} (rule varchar, value varchar, records bigint, names bigint);
