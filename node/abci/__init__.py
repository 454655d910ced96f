"""An ABCI 2.0 socket server: one thread, strict order per connection, consensus first. It knows nothing of any chain."""
