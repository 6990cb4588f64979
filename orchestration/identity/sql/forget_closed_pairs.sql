-- Pairs that share a block which has grown too large, and none that is compared.
delete from {form_pair}
where kind = {kind} and (left_form, right_form) in (
  with known as (
    select left_form, right_form, l.rec as left_rec, r.rec as right_rec
    from {form_pair} as p
    join {entry} as l on l.form = left_form
    join {entry} as r on r.form = right_form
    where p.kind = {kind}
  ),
  closed as (
    select distinct k.* from known as k
    join {every_block} as x on x.rec = k.left_rec
    join {closed_block} as c on c.rule = x.rule and c.key = x.key
    join {every_block} as y on y.rec = k.right_rec and y.rule = x.rule and y.key = x.key
  )
  select left_form, right_form from closed as k
  where not exists (
    select 1 from {every_block} as x
    join {every_block} as y on x.rule = y.rule and x.key = y.key
    where x.rec = k.left_rec and y.rec = k.right_rec
      and not exists (select 1 from {large_now} as b where b.rule = x.rule and b.key = x.key)
  )
)
