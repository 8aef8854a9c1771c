"""DNS with Twisted's names. Usage: dns_twisted.py ADDR:PORT ZONEFILE"""
import sys
from twisted.internet import epollreactor
epollreactor.install()
from twisted.internet import reactor
from twisted.names import authority, dns, server


class Zone(authority.FileAuthority):
    """What BindAuthority would read, which cannot read all of it."""

    def loadFile(self, filename):
        self.records = {}
        soa = dns.Record_SOA(b"ns.example", b"admin.example", 1, 3600, 600, 86400, 60, 300)
        self.soa = (b"example", soa)
        self.records[b"example"] = [soa, dns.Record_NS(b"ns.example", 300)]
        with open(filename) as f:
            for line in f:
                words = line.split()
                if len(words) == 3 and words[1] == "A":
                    self.records[words[0].encode() + b".example"] = [dns.Record_A(words[2], 300)]


host, port = sys.argv[1].split(":")
factory = server.DNSServerFactory(authorities=[Zone(sys.argv[2])])
factory.noisy = False
reactor.listenUDP(int(port), dns.DNSDatagramProtocol(factory), interface=host)
reactor.listenTCP(int(port), factory, interface=host)
reactor.run()
