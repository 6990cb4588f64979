-- Keys of parts of customers that no record founded.
insert into {fresh}
select distinct '', cast(customer_key as varchar), null, customer_key from {history}
where customer_key not in (select source_customer_key from {history})
