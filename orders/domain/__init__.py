"""The rules of an order's life. Doors call in here; nothing here knows a door.

| to find | look in |
|---|---|
| what may follow what, and who may do it | transitions.py |
| how orders are moved | moving.py |
| stock: what orders' steps do; receive, adjust, count; read it | stock.py, stocktaking.py, shelves.py |
| products; people and roles | catalogue.py, people.py |
| merchants and warehouses; cities and spellings | traders.py, placenames.py |
| who changed what in the set-up | changes.py |
| the numbers of Today | figures.py |
| how orders come in and change | intake.py, editing.py |
| why an order is not on the road yet | explaining.py |
| calls to customers, deletion | confirming.py, deleting.py |
| what a scan does | scanning.py |
"""
