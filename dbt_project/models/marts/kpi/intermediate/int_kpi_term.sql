{{ config(materialized='view') }}
{{ inline_rows(kpi().terms, {'node_code': 'string', 'part': 'string', 'measure': 'string', 'factor': 'double'}) }}
