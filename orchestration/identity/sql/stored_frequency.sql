select cast(value as {type}) as {column}, frequency as {share}
from read_parquet({files})
where kind = {kind} and column_name = {column_name} and trained_at = {trained_at}
