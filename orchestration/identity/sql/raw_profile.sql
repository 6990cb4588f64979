select {columns}
from {external_profile}
where _superseded_at is null
