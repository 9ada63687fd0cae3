"""The rules of an order's life. Doors call in here; nothing here knows a door.

| folder | what stands there |
|---|---|
| life | what may follow what (transitions.py), how orders move (moving.py), change and are explained |
| incoming | how orders come in: drafts, checks, the one write |
| goods | shelves and their ledger, products, counting |
| bench | what a scan does and answers |
| reading | texts, phones and printed codes, brought to one form |
| geography | cities and their spellings |
| lists | filters, search, pages, counts, the numbers of Today |
| work | jobs, their leases, items and files |
| setup | people, merchants, warehouses, tokens, who changed them |
| rows | many rows at once, and how rivals wait |

Everybody's own: actors.py (who), refusals.py (no), reports.py (what became of each), auditing.py.
"""
