# A peer: "client URL" talks to an echo server, "server" echoes and prints its port.
import asyncio, os, sys, websockets

MESSAGES = ["", "hello", "héllo " * 20, os.urandom(200), b"ab" * 5000, "text " * 30000, os.urandom(300000), b"", "end"]

async def client(url):
    async with websockets.connect(url, max_size=2**21) as ws:
        for m in MESSAGES:
            await ws.send(m)
            got = await ws.recv()
            assert got == m, (len(m), len(got))
        await ws.send(iter(["in ", "three ", "fragments"]))
        assert await ws.recv() == "in three fragments"
        await (await ws.ping(b"ping"))
        print("extensions", [type(e).__name__ for e in ws.extensions])
        await ws.close(4321, "bye")
        print("closed", ws.close_code)

async def server():
    async def echo(ws, *args):
        async for m in ws:
            await ws.send(m)
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=2**21) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(client(sys.argv[2]) if sys.argv[1] == "client" else server())
