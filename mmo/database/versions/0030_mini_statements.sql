-- A mini-statement is queued in the transaction of the change that asks for it.
GRANT INSERT ON notifications.message TO mmo_as_poster;
