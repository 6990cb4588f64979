{{ config(materialized='view') }}
{{ inline_rows(kpi().known, {'dimension': 'string', 'measure': 'string'}) }}
