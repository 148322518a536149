# SPDX-License-Identifier: GPL-2.0-only
"""A port on loopback that leads to a Unix socket: a browser's way to the web console of a rack, which is in a network of its own."""

import asyncio

BLOCK_BYTES = 65536


async def pass_on(reader, writer):
    try:
        while block := await reader.read(BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(port, path, ready):
    """Until it is cancelled; calls ready() with the port, which is chosen when it is 0."""

    async def connected(reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    ready(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()
