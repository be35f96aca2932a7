"""The only room that speaks Postgres."""
