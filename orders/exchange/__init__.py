"""Files' doors: tables in and out, through jobs that a worker does. Calls the domain; knows no page.

| to find | look in |
|---|---|
| how a file is taken apart, in a process of its own | parsing.py, workbooks.py, limits.py |
| how a job reads one, and the words when it cannot | reading.py |
| which column is which | columns.py |
| orders in | importing.py, order_rows.py |
| products in | products.py, product_rows.py |
| orders marked by a list of references | referencing.py |
| orders out | exporting.py |
| how tables are written, and the admin's share of it | sheets.py, formats.py |
| what is wrong with a row, and the rows given back | problems.py |
"""
