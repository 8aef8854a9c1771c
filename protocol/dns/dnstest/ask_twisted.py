"""Asks by Twisted's names. Usage: ask_twisted.py HOST PORT "NAME TYPE"..."""
import socket
import sys
from twisted.internet import defer, task
from twisted.names import client, dns


def text(record):
    p = record.payload
    if isinstance(p, dns.Record_A):
        data = p.dottedQuad()
    elif isinstance(p, dns.Record_AAAA):
        data = socket.inet_ntop(socket.AF_INET6, p.address)
    elif isinstance(p, dns.Record_MX):
        data = "%d %s" % (p.preference, p.name)
    elif isinstance(p, dns.Record_TXT):
        data = " ".join(d.decode() for d in p.data)
    elif isinstance(p, dns.Record_SRV):
        data = "%d %d %d %s" % (p.priority, p.weight, p.port, p.target)
    elif isinstance(p, dns.Record_SOA):
        data = str(p.serial)
    else:
        data = str(p.name)
    return "%s %s" % (dns.QUERY_TYPES[record.type], data)


@defer.inlineCallbacks
def main(reactor, host, port, *questions):
    resolver = client.Resolver(servers=[(host, int(port))], timeout=(5,))
    for q in questions:
        name, kind = q.split()
        try:
            if kind == "AXFR":
                answers, _, _ = yield resolver.lookupZone(name)
            else:
                answers, _, _ = yield resolver.query(dns.Query(name, getattr(dns, kind)), timeout=(5,))
            print("; ".join(text(a) for a in answers))
        except Exception as e:
            print(type(e).__name__)


task.react(main, sys.argv[1:])
