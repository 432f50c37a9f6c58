"""The coordinator: workers led, epochs committed in order, the stream looked after."""
