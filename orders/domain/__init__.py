"""The rules of an order's life. Doors call in here; nothing here knows a door.

| to find | look in |
|---|---|
| what may follow what, and who may do it | transitions.py |
| how orders are moved | moving.py |
| stock: reserve, consume, receive, count | stock.py |
| how orders come in and change | intake.py, editing.py |
| why an order is not on the road yet | explaining.py |
| calls to customers, deletion | confirming.py, deleting.py |
| what a scan does | scanning.py |
"""
