"""What crosses a connection: messages, the codecs that make bytes of them, and the channel.

Plain values only. Bytes never meet a user's types here (``runtime`` and ``client`` see to that),
and nothing here waits, reads a clock or touches a socket.
"""
