// A peer: "client URL OPTIONS" talks to an echo server, "server OPTIONS" echoes and prints its port.
const WebSocket = require('ws')
const crypto = require('crypto')
const [, , role, ...rest] = process.argv
const options = JSON.parse(rest.pop())

if (role === 'server') {
  const server = new WebSocket.Server({ host: '127.0.0.1', port: 0, perMessageDeflate: options, maxPayload: 2 ** 21 })
  server.on('listening', () => console.log(server.address().port))
  server.on('connection', ws => ws.on('message', (data, binary) => ws.send(data, { binary })))
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
} else {
  const messages = ['', 'hello', 'héllo '.repeat(20), crypto.randomBytes(200), Buffer.from('ab'.repeat(5000)),
    'text '.repeat(30000), crypto.randomBytes(300000), Buffer.alloc(0)]
  for (let i = 0; i < 200; i++) messages.push(`{"id":${i},"text":"${'again and '.repeat(i % 40)}"}`)
  const ws = new WebSocket(rest[0], { perMessageDeflate: options, maxPayload: 2 ** 21 })
  let next = 0
  ws.on('open', () => {
    const deflate = ws._extensions['permessage-deflate']
    console.log('extensions', JSON.stringify(deflate ? deflate.params : null))
    messages.forEach((m, i) => i % 3 ? ws.send(m) : (ws.send(m.slice(0, m.length / 2), { fin: false }), ws.send(m.slice(m.length / 2))))
    ws.ping('ping')
  })
  ws.on('message', (data, binary) => {
    const want = messages[next++]
    if (binary !== (typeof want !== 'string') || !Buffer.from(want).equals(data)) throw new Error(`message ${next} differs`)
    if (next === messages.length) ws.close(4321, 'bye')
  })
  ws.on('pong', data => console.log('pong', data.toString()))
  ws.on('close', code => console.log('closed', code))
}
