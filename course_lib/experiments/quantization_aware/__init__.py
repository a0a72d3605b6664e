"""The measurements of lesson 08. The lesson, the claims ledger and the tests call the same functions."""
