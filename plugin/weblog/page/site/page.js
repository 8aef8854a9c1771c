// Shows the hits that /hits tells of. What comes is text of strangers: it only ever becomes textContent.
'use strict'
{
  const KEPT = 2000 // hits that filter and tables look at
  const ROWS = 150 // of them in the list
  const TOP = 8
  const SECONDS = 120 // in the chart
  const $ = id => document.getElementById(id)
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  const count = new Intl.NumberFormat('en')

  let hits = [] // oldest first: {n, at, time, host, user, method, path, status, bytes, referrer, agent, browser}; {gap} where some were missed
  let all = new Map() // by second: how many hits of each kind, those that were only counted too
  let some = new Map() // the same of those that the filter lets through, as far as they are listed
  let next = 0 // number of the hit to come
  let until = 0 // number of the first hit that is not in the rates that came with the hello
  let place = '' // id of the last event
  let skew = 0 // how far the server's clock is ahead of ours
  let you = ''
  let source
  let again = 0 // timer of another try
  let paused = null // what is shown while paused: {hits, all, some, next, at}
  let drawn = -1 // number of the newest hit in the list; -1: draw all of it
  let frame = 0
  let matches = () => true
  let filtered = false

  // browser is what people call an agent.
  function browser (agent) {
    if (!agent) return '–'
    const bot = /([\w.-]*(?:bot|crawler|spider)[\w.-]*)/i.exec(agent)
    if (bot) return bot[1]
    for (const [name, re] of [
      ['Edge', /Edg\w*\/(\d+)/], ['Opera', /OPR\/(\d+)/], ['Samsung', /SamsungBrowser\/(\d+)/], ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
      ['Chrome', /(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/], ['Safari', /Version\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari/]]) {
      const m = re.exec(agent)
      if (m) return name + ' ' + m[1]
    }
    return agent.split(' ', 1)[0].replace('/', ' ')
  }

  function kind (status) {
    const c = Math.floor(status / 100)
    return c >= 2 && c <= 5 ? c : 0
  }

  // charted has 1xx, which are no answers, among the others.
  const charted = kinds => [kinds[0] + kinds[1], 0, ...kinds.slice(2)]

  // ---- what comes

  function connect () {
    clearTimeout(again)
    source = new EventSource('hits' + (place ? '?after=' + encodeURIComponent(place) : ''))
    source.addEventListener('hello', e => {
      const hello = JSON.parse(e.data)
      place = e.lastEventId
      skew = hello.now - Date.now()
      you = hello.you
      if (hello.anew) {
        hits = []
        some = new Map()
        next = hello.from
        drawn = -1
      }
      all = new Map((hello.rates ?? []).map(([second, ...kinds]) => [second, charted(kinds)]))
      until = hello.until
      $('title').textContent = hello.title
      document.title = hello.title ? 'weblog – ' + hello.title : 'weblog'
      $('own').hidden = hello.title !== ''
      say('live', 'live')
      draw()
      setTimeout(tick, 50) // what was there before follows at once
    })
    source.onmessage = e => {
      place = e.lastEventId
      take(JSON.parse(e.data))
      draw()
    }
    source.onerror = () => {
      say('wait', 'connecting again')
      if (source.readyState === EventSource.CLOSED) { // the browser has given up; we do not
        say('lost', 'no connection')
        again = setTimeout(connect, 5000)
      }
    }
  }

  function take (event) {
    if (event.first > next) hits.push({ gap: event.first - next, n: event.first - 1 })
    for (const [n, time, host, user, method, path, status, bytes, referrer, agent] of event.hits) {
      if (n < next) continue
      const h = { n, at: event.at, time, host, user, method, path, status, bytes, referrer, agent, browser: browser(agent) }
      hits.push(h)
      if (n >= until) bump(all, h.at, kind(status), 1)
      if (filtered && matches(h)) bump(some, h.at, kind(status), 1)
    }
    if (event.next <= next) return
    if (event.more && event.first >= until) charted(event.more).forEach((n, k) => bump(all, event.at, k, n))
    next = event.next
    if (hits.length > KEPT * 1.25) hits = hits.slice(-KEPT)
    for (const second of all.keys()) if (second < event.at / 1000 - SECONDS * 2) all.delete(second)
    for (const second of some.keys()) if (second < event.at / 1000 - SECONDS * 2) some.delete(second)
  }

  function bump (map, at, k, n) {
    const second = Math.floor(at / 1000)
    if (!map.has(second)) map.set(second, [0, 0, 0, 0, 0, 0])
    map.get(second)[k] += n
  }

  // sieve counts those of some hits that the filter lets through.
  function sieve (from) {
    const map = new Map()
    for (const h of from) if (!h.gap && matches(h)) bump(map, h.at, kind(h.status), 1)
    return map
  }

  function say (state, text) {
    if (paused && state === 'live') text = 'paused'
    $('state').dataset.state = paused && state === 'live' ? 'wait' : state
    if ($('state').textContent !== text) $('state').textContent = text
  }

  // ---- the filter

  const places = { path: h => h.path, status: h => String(h.status), host: h => h.host, agent: h => h.agent + ' ' + h.browser, method: h => h.method, user: h => h.user, referrer: h => h.referrer }

  function compile (text) {
    const tests = []
    for (const [, not, where, quoted, word] of text.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/g)) {
      let want = quoted ?? word
      let of = places[where]
      if (where && !of) {
        want = where + ':' + want
      }
      of = of ?? (h => [h.method, h.path, h.status, h.host, h.user, h.agent, h.browser, h.referrer].join('\n'))
      want = want.toLowerCase()
      const exact = quoted !== undefined && where && where !== 'agent'
      tests.push(h => {
        const has = of(h).toLowerCase()
        return (exact ? has === want : where === 'status' ? has.startsWith(want) : has.includes(want)) !== (not === '-')
      })
    }
    filtered = tests.length > 0
    matches = h => h.gap ? !filtered : tests.every(t => t(h))
    some = sieve(hits)
    if (paused) paused.some = sieve(paused.hits)
    drawn = -1
    draw()
    tick()
  }

  function narrow (where, value) {
    const term = where === 'status' ? where + ':' + value : where + ':"' + value.replaceAll('"', '') + '"'
    const now = $('filter').value.trim()
    $('filter').value = now === term ? '' : term
    compile($('filter').value)
  }

  // ---- what is shown

  function draw () {
    if (!frame) frame = requestAnimationFrame(() => { frame = 0; show() })
  }

  function show () {
    if (paused && drawn >= 0) {
      $('pause').textContent = 'Go on' + (next > paused.next ? ' (' + count.format(next - paused.next) + ')' : '')
      return
    }
    list(paused ? paused.hits : hits)
  }

  function list (from) {
    const fresh = []
    for (let i = from.length - 1; i >= 0 && fresh.length < ROWS; i--) {
      if (from[i].n <= drawn) break
      if (matches(from[i])) fresh.push(row(from[i], drawn >= 0))
    }
    if (drawn < 0) $('list').replaceChildren(...fresh)
    else $('list').prepend(...fresh)
    while ($('list').childElementCount > ROWS) $('list').lastElementChild.remove()
    if (from.length) drawn = from[from.length - 1].n
    else drawn = -1
    $('none').hidden = $('list').childElementCount > 0
    $('none').textContent = from.length ? 'None of the last ' + count.format(from.length) + ' is like that.' : 'None yet.'
  }

  function element (name, className, text) {
    const e = document.createElement(name)
    if (className) e.className = className
    if (text !== undefined) e.textContent = text
    return e
  }

  function row (h, isNew) {
    const li = element('li', isNew ? 'new' : '')
    if (h.gap) {
      li.classList.add('gap')
      li.textContent = count.format(h.gap) + ' hits came too fast for this browser'
      return li
    }
    const path = element('span', 'path')
    if (h.host === you && h.agent === navigator.userAgent) path.append(element('span', 'you', 'you'))
    if (h.method !== 'GET') path.append(element('b', '', h.method + ' '))
    path.append(h.path)
    path.title = h.method + ' ' + h.path + (h.referrer ? '\nfrom ' + h.referrer : '') + '\n' + count.format(h.bytes) + ' bytes'
    const agent = element('span', 'agent', h.browser)
    agent.title = h.agent
    const host = element('span', 'host', h.host + (h.user !== '-' && h.user ? ' ' + h.user : ''))
    host.title = host.textContent
    const status = String(h.status).padStart(3, '0')
    li.append(element('span', 'time', clock.format(h.time * 1000)), element('span', 'status s' + kind(h.status), status), path, host, agent)
    return li
  }

  // Once a second: the chart, the numbers and the tables.
  function tick () {
    const from = paused ?? { hits, all, some, next, at: Date.now() + skew }
    const begin = Math.floor(from.at / 1000) - SECONDS + 1
    const seconds = filtered ? from.some : from.all
    const bars = Array.from({ length: SECONDS }, (_, i) => seconds.get(begin + i) ?? [0, 0, 0, 0, 0, 0])
    const tops = { path: new Map(), status: new Map(), host: new Map(), agent: new Map() }
    const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1)
    let matching = 0
    let errors = 0
    for (const h of from.hits) {
      if (h.gap || !matches(h)) continue
      matching++
      if (h.status >= 400) errors++
      add(tops.path, h.path.split('?', 1)[0])
      add(tops.status, String(h.status).padStart(3, '0'))
      add(tops.host, h.host)
      add(tops.agent, h.browser)
    }
    const sums = bars.map(b => b.reduce((a, n) => a + n, 0))
    const over = n => sums.slice(SECONDS - 1 - n, SECONDS - 1).reduce((a, b) => a + b, 0)
    const rate = over(5) / 5
    $('persecond').textContent = rate < 10 ? rate.toFixed(1) : count.format(Math.round(rate))
    $('perminute').textContent = count.format(over(60))
    $('sum').textContent = count.format(from.next)
    $('errors').textContent = (matching ? Math.round(100 * errors / matching) : 0) + '%'
    $('matching').textContent = filtered ? count.format(matching) + ' of the last ' + count.format(from.hits.length) : ''
    chart(bars, sums)
    for (const where in tops) top(where, tops[where])
  }

  function top (where, map) {
    const first = [...map].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, TOP)
    const into = $('top-' + where)
    while (into.childElementCount > first.length) into.lastElementChild.remove()
    first.forEach(([value, n], i) => {
      let b = into.children[i]?.firstElementChild
      if (!b) { // buttons stay, so that one that has the focus keeps it
        b = element('button')
        b.type = 'button'
        b.append(element('i'), element('span'), element('span'))
        b.onclick = () => narrow(where, b.value)
        const li = element('li')
        li.append(b)
        into.append(li)
      }
      const [share, name, number] = b.children
      b.value = value
      b.title = value + ': show only these'
      share.style.width = 100 * n / first[0][1] + '%'
      name.textContent = value
      number.textContent = count.format(n)
    })
  }

  function chart (bars, sums) {
    const canvas = $('chart')
    const style = getComputedStyle(canvas)
    const colour = name => style.getPropertyValue('--' + name)
    const ratio = devicePixelRatio || 1
    const width = canvas.clientWidth
    const height = canvas.clientHeight
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    const c = canvas.getContext('2d')
    c.scale(ratio, ratio)
    const most = Math.max(...sums, 4)
    const step = [1, 2, 5].flatMap(s => [0, 1, 2, 3, 4, 5, 6].map(e => s * 10 ** e)).sort((a, b) => a - b).find(s => most / s <= 3)
    const base = height - 18
    const y = n => base - (base - 8) * n / most
    c.font = '11px system-ui, sans-serif'
    c.fillStyle = colour('quiet')
    c.strokeStyle = colour('line')
    c.lineWidth = 1
    const left = 8 + c.measureText(count.format(most)).width
    for (let n = 0; n <= most; n += step) {
      const at = Math.round(y(n)) + .5
      c.beginPath()
      c.moveTo(left, at)
      c.lineTo(width, at)
      c.stroke()
      c.textAlign = 'right'
      c.fillText(count.format(n), left - 6, at + 4)
    }
    const wide = (width - left) / SECONDS
    for (const [ago, text, align] of [[SECONDS, '2 minutes ago', 'left'], [SECONDS / 2, '1 minute', 'center'], [0, 'now', 'right']]) {
      c.textAlign = align
      c.fillText(text, width - ago * wide, height - 3)
    }
    bars.forEach((b, i) => {
      let up = 0
      for (const k of [2, 3, 4, 5, 0]) {
        if (!b[k]) continue
        c.fillStyle = colour('c' + k)
        c.fillRect(left + i * wide + wide * .1, y(up + b[k]), Math.max(1, wide * .8), y(up) - y(up + b[k]))
        up += b[k]
      }
    })
    canvas.setAttribute('aria-label', 'Hits a second over the last two minutes: ' + count.format(sums.at(-2)) + ' in the last one, ' + count.format(Math.max(...sums)) + ' at most')
  }

  // ---- what people do

  $('filter').oninput = () => compile($('filter').value)
  $('tools').onsubmit = e => e.preventDefault()
  $('pause').onclick = () => {
    paused = paused ? null : { hits: hits.slice(), all: new Map(all), some: new Map(some), next, at: Date.now() + skew }
    $('pause').setAttribute('aria-pressed', String(!!paused))
    $('pause').textContent = paused ? 'Go on' : 'Pause'
    if (source.readyState === EventSource.OPEN) say('live', 'live')
    if (!paused) drawn = -1
    draw()
    tick()
  }
  for (const b of document.querySelectorAll('[data-hit]')) b.onclick = () => fetch(b.dataset.hit, { cache: 'no-store' }).catch(() => {})
  document.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, button')) return
    if (e.key === '/') { e.preventDefault(); $('filter').focus() }
  })
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tick)
  addEventListener('resize', tick)
  $('curl').textContent = 'curl ' + new URL('hello', location.href).href

  connect()
  tick()
  setInterval(() => { if (!paused && !document.hidden) tick() }, 1000)
  document.addEventListener('visibilitychange', tick)
}
