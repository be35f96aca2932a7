"""The Bot API as a server of HTTP calls: requests, what their answers and errors mean, and when bytes may leave."""
