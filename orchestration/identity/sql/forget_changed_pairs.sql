-- Pairs of forms that are gone, or that are compared anew.
delete from {form_pair}
where kind = {kind} and (
  left_form not in (select form from {entry})
  or right_form not in (select form from {entry})
  or left_form in (select form from {fresh})
  or right_form in (select form from {fresh})
)
