"""CPU microseconds of timers, Deferreds and coroutines, one JSON object a line.

Usage: micro.py twisted|asyncio|uvloop timers|deferreds|coroutines N
"""
import asyncio
import json
import random
import sys
import time

PEER, SUITE, N = sys.argv[1], sys.argv[2], int(sys.argv[3])


def report(cell, start):
    used = (time.process_time() - start) / N * 1e6
    print(json.dumps({"peer": {"twisted": "Twisted"}.get(PEER, PEER), "cell": cell, "cpu": used}))


def plus(x):
    return x + 1


def twisted_timers(reactor):
    start = time.process_time()
    calls = [reactor.callLater(3600 + random.random(), plus, 1) for _ in range(N)]
    for c in calls:
        c.cancel()
    reactor.runUntilCurrent()
    report("arm all, cancel all", start)

    calls = [reactor.callLater(3600 + random.random(), plus, 1) for _ in range(N)]
    reactor.runUntilCurrent()
    start = time.process_time()
    for _ in range(N):
        reactor.callLater(3600 + random.random(), plus, 1).cancel()
    reactor.runUntilCurrent()
    report("arm and cancel, many pending", start)

    start = time.process_time()
    for c in calls:
        c.reset(7200)
    report("reset", start)
    for c in calls:
        c.cancel()
    reactor.runUntilCurrent()

    left = N

    def fired():
        nonlocal left
        left -= 1
        if not left:
            reactor.stop()

    start = time.process_time()
    for _ in range(N):
        reactor.callLater(random.random() / 10, fired)
    reactor.run()
    report("arm and fire", start)


def twisted_deferreds(defer):
    start = time.process_time()
    for _ in range(N):
        d = defer.Deferred()
        d.addCallback(plus)
        d.addCallback(plus)
        d.addCallback(plus)
        d.callback(1)
    report("make, three callbacks, fire", start)


def twisted_coroutines(defer):
    waiting = None

    @defer.inlineCallbacks
    def waits():
        nonlocal waiting
        for _ in range(N):
            waiting = defer.Deferred()
            yield waiting

    @defer.inlineCallbacks
    def goes():
        fired = defer.succeed(1)
        for _ in range(N):
            yield fired

    @defer.inlineCallbacks
    def child():
        yield from ()
        return 1

    @defer.inlineCallbacks
    def parent():
        for _ in range(N):
            yield child()

    start = time.process_time()
    waits()
    for _ in range(N):
        waiting.callback(1)
    report("await a pending value", start)
    start = time.process_time()
    goes()
    report("await a ready value", start)
    start = time.process_time()
    parent()
    report("start to end", start)


async def asyncio_timers():
    loop = asyncio.get_running_loop()
    start = time.process_time()
    calls = [loop.call_later(3600 + random.random(), plus, 1) for _ in range(N)]
    for c in calls:
        c.cancel()
    await asyncio.sleep(0)
    report("arm all, cancel all", start)

    calls = [loop.call_later(3600 + random.random(), plus, 1) for _ in range(N)]
    start = time.process_time()
    for _ in range(N):
        loop.call_later(3600 + random.random(), plus, 1).cancel()
    await asyncio.sleep(0)
    report("arm and cancel, many pending", start)
    for c in calls:
        c.cancel()
    await asyncio.sleep(0)

    left, done = N, loop.create_future()

    def fired():
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    start = time.process_time()
    for _ in range(N):
        loop.call_later(random.random() / 10, fired)
    await done
    report("arm and fire", start)


async def asyncio_deferreds():
    loop = asyncio.get_running_loop()
    start = time.process_time()
    for _ in range(N // 100):
        for _ in range(100):
            f = loop.create_future()
            f.add_done_callback(id)
            f.add_done_callback(id)
            f.add_done_callback(id)
            f.set_result(1)
        await asyncio.sleep(0)
    report("make, three callbacks, fire", start)


async def asyncio_coroutines():
    loop = asyncio.get_running_loop()
    turn = [loop.create_future(), loop.create_future()]

    async def play(me):
        for _ in range(N // 2):
            await turn[me]
            turn[me] = loop.create_future()
            turn[1 - me].set_result(1)

    start = time.process_time()
    turn[0].set_result(1)
    await asyncio.gather(play(0), play(1))
    report("await a pending value", start)

    ready = loop.create_future()
    ready.set_result(1)
    start = time.process_time()
    for _ in range(N):
        await ready
    report("await a ready value", start)

    async def child():
        return 1

    start = time.process_time()
    for _ in range(N):
        await asyncio.create_task(child())
    report("start to end", start)


if PEER == "twisted":
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import defer, reactor

    if SUITE == "timers":
        twisted_timers(reactor)
    elif SUITE == "deferreds":
        twisted_deferreds(defer)
    else:
        twisted_coroutines(defer)
else:
    if PEER == "uvloop":
        import uvloop

        uvloop.install()
    asyncio.run({"timers": asyncio_timers, "deferreds": asyncio_deferreds, "coroutines": asyncio_coroutines}[SUITE]())
