// A peer over HTTP/2 (RFC 8441): "CERTIFICATE KEY OPTIONS" echoes and prints its port. HTTP/2 is
// node's own, the WebSocket on a stream of it npm's ws.
const http2 = require('http2')
const fs = require('fs')
const WebSocket = require('ws')
const PerMessageDeflate = require(require('path').join(process.env.NODE_PATH, 'ws/lib/permessage-deflate.js')) // which ws does not export
const [, , cert, key, options] = process.argv
const deflate = JSON.parse(options)

const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), settings: { enableConnectProtocol: true } })
server.on('stream', (stream, headers) => {
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket' || headers['sec-websocket-key'] || headers['sec-websocket-version'] !== '13') {
    stream.respond({ ':status': 400 }, { endStream: true })
    return
  }
  const answer = { ':status': 200 }
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 10000 })
  if (deflate && /permessage-deflate/.test(headers['sec-websocket-extensions'])) {
    const agreed = new PerMessageDeflate(deflate, true, 2 ** 21)
    agreed.accept([{}])
    ws._extensions['permessage-deflate'] = agreed
    answer['sec-websocket-extensions'] = 'permessage-deflate'
  }
  stream.respond(answer)
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 2 ** 21, skipUTF8Validation: false, allowSynchronousEvents: true })
  ws.on('message', (data, binary) => ws.send(data, { binary }))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
