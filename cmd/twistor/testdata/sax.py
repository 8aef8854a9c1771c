"""Prints the path of each hit of a weblog, read with an incremental SAX parser."""

import socket
import sys
import xml.sax


class Paths(xml.sax.ContentHandler):
    def startElement(self, name, attributes):
        if name == "hit":
            print(attributes["path"], flush=True)


connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
parser = xml.sax.make_parser()
parser.setContentHandler(Paths())
while True:
    data = connection.recv(65536)
    if not data:
        break
    parser.feed(data)
parser.close()  # raises unless the document is whole
