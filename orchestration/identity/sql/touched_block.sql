-- With a fresh entry in it, or too large to compare until now.
select rule, key from {every_block} semi join {fresh} using (rec)
union
select rule, key from {opened_block}
