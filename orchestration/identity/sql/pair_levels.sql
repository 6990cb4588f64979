select left_rec, right_rec, {levels} {carried}
from {pairs}
join (select rec as rec_l, {left_columns} from {entry}) on rec_l = left_rec
join (select rec as rec_r, {right_columns} from {entry}) on rec_r = right_rec
