select * from {{ ref('stg_regulars__load_audit') }}
