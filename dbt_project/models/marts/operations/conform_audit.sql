select * from {{ ref('stg_regulars__conform_audit') }}
