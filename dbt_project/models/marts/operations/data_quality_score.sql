select * from {{ ref('stg_regulars__quality_score') }}
