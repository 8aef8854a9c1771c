// What people do with the weblog's page, in Chromium. The program says "ok NAME" for each thing that
// works. Arguments: where playwright-core and axe-core are, the browser, the page of its own hits, that of
// a log, the log, and a directory for pictures ("": none).
import { createRequire } from 'node:module'
import { appendFile } from 'node:fs/promises'
import { strict as assert } from 'node:assert'

const [modules, executablePath, own, followed, log, pictures] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { chromium } = require('playwright-core')
const axe = require.resolve('axe-core/axe.min.js')

const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync']
})

// page opens one, on which nothing may go wrong and which may ask nobody else.
async function page (url, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options })
  const p = await context.newPage()
  p.wrong = []
  p.on('pageerror', e => p.wrong.push(String(e)))
  p.on('dialog', d => { p.wrong.push('a dialog: ' + d.message()); d.dismiss() })
  p.on('console', m => { if (m.type() === 'error' && !m.text().includes('404')) p.wrong.push(m.text()) })
  p.on('request', r => { if (new URL(r.url()).origin !== new URL(url).origin) p.wrong.push('asks ' + r.url()) })
  await p.goto(url)
  await p.waitForSelector('#state[data-state=live]')
  return p
}

async function done (name, p) {
  assert.deepEqual(p.wrong, [], name)
  await p.context().close()
  console.log('ok ' + name)
}

// hit appends a line to the log.
const hit = (path, status = 200, host = '192.0.2.7', agent = 'curl/8.14.1') =>
  appendFile(log, `${host} - - [22/Nov/2026:10:00:00 +0000] "GET ${path} HTTP/1.1" ${status} 100 "-" "${agent}"\n`)

const paths = p => p.$$eval('#list .path', all => all.map(e => e.lastChild.textContent))
const shows = (p, path) => p.waitForFunction(path => [...document.querySelectorAll('#list .path')].some(e => e.lastChild.textContent === path), path)
const showsOnly = (p, want) => p.waitForFunction(want => [...document.querySelectorAll('#list .path')].map(e => e.lastChild.textContent).join() === want.join(), want)

// ---- one's own hit arrives, marked as one's own
{
  const p = await page(own)
  await shows(p, '/page.js')
  assert.ok(await p.locator('#list li', { hasText: '/page.js' }).first().locator('.you').count(), 'it is not marked')
  assert.ok(await p.isVisible('#own'))
  await p.click('[data-hit=hello]')
  await shows(p, '/hello')
  const other = await page(own)
  await other.goto(own + 'asked/elsewhere')
  await shows(p, '/asked/elsewhere')
  await other.context().close()
  await done('own hit', p)
}

// ---- a filter, by hand and by a click, for what is there and for what comes
{
  await appendFile(log, '')
  const p = await page(followed)
  assert.equal(await p.textContent('#title'), log.split('/').pop())
  assert.ok(!await p.isVisible('#own'))
  for (let i = 0; i < 20; i++) await hit('/filter/' + i, i % 4 ? 200 : 404)
  await shows(p, '/filter/19')
  await p.fill('#filter', 'status:404 -/filter/8')
  await showsOnly(p, ['/filter/16', '/filter/12', '/filter/4', '/filter/0'])
  await hit('/filter/new', 404)
  await hit('/filter/not', 200)
  await shows(p, '/filter/new')
  assert.ok(!(await paths(p)).includes('/filter/not'))
  await p.waitForFunction(() => document.querySelector('#top-status').childElementCount === 1)
  await p.fill('#filter', '')
  await shows(p, '/filter/not')
  await p.locator('#top-status button', { hasText: '404' }).click()
  assert.equal(await p.inputValue('#filter'), 'status:404')
  await showsOnly(p, ['/filter/new', '/filter/16', '/filter/12', '/filter/8', '/filter/4', '/filter/0'])
  await p.locator('#top-status button', { hasText: '404' }).click()
  assert.equal(await p.inputValue('#filter'), '')
  await p.fill('#filter', 'nothing is like this')
  await p.waitForFunction(() => document.querySelector('#none').checkVisibility())
  await done('filter', p)
}

// ---- pause holds all of it, and loses nothing
{
  const p = await page(followed)
  await p.click('#pause')
  await hit('/while/paused')
  await p.waitForFunction(() => document.querySelector('#pause').textContent === 'Go on (1)')
  assert.ok(!(await paths(p)).includes('/while/paused'))
  assert.equal(await p.getAttribute('#pause', 'aria-pressed'), 'true')
  await p.click('#pause')
  await shows(p, '/while/paused')
  assert.equal(await p.textContent('#pause'), 'Pause')
  await done('pause', p)
}

// ---- hostile lines are text; the control is that they are there
{
  const p = await page(followed)
  const hostile = '/</script><img/src=x/onerror=alert(1)><svg/onload=alert(2)>'
  await hit(hostile, 200, '<b>host</b>', "<img src=x onerror=alert('agent')>")
  await shows(p, hostile)
  await p.waitForFunction(() => [...document.querySelectorAll('#top-host span')].some(e => e.textContent === '<b>host</b>'))
  assert.equal(await p.locator('#list img, #list script, #list svg, #list b b, #tops img, #tops b').count(), 0)
  await hit('/\u202egnp.exe')
  await shows(p, '/\\xE2\\x80\\xAEgnp.exe')
  await done('hostile lines', p)
}

// ---- a flood is counted and not drawn: the page stays small and quick
{
  const p = await page(followed)
  const line = '192.0.2.9 - - [22/Nov/2026:10:00:00 +0000] "GET /flood HTTP/1.1" 200 100 "-" "wrk"\n'
  const before = Number((await p.textContent('#sum')).replaceAll(',', ''))
  for (let i = 0; i < 20; i++) await appendFile(log, line.repeat(1000))
  await hit('/after/the/flood')
  await p.waitForFunction(n => Number(document.querySelector('#sum').textContent.replaceAll(',', '')) >= n, before + 20_001)
  assert.ok(await p.locator('#list li').count() <= 150)
  await done('flood', p)
}

// ---- a phone: nothing is wider than the screen; dark is dark
for (const scheme of ['light', 'dark']) {
  const p = await page(followed, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, colorScheme: scheme })
  await hit('/' + 'a-very-long-path/'.repeat(30))
  await p.waitForFunction(() => document.querySelector('#list .path')?.textContent.length > 200)
  assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it is wider than a phone')
  const small = await p.$$eval('button, input', all => all.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).length)
  assert.equal(small, 0, 'things are too small for fingers')
  const light = await p.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((a, b) => a + Number(b), 0) / 3)
  assert.ok(scheme === 'dark' ? light < 60 : light > 200, `${scheme} has a ground of ${light}`)
  if (pictures) await p.screenshot({ path: `${pictures}/phone-${scheme}.png` })
  await done('phone, ' + scheme, p)
}

// ---- axe has no complaint, with the keyboard everything can be reached
for (const colorScheme of ['light', 'dark']) {
  for (const url of [own, followed]) {
    const context = await browser.newContext({ colorScheme, bypassCSP: true, reducedMotion: 'reduce' })
    const p = await context.newPage()
    p.wrong = []
    await p.goto(url)
    await p.waitForFunction(() => document.querySelectorAll('#top-agent button').length > 0)
    await p.addScriptTag({ path: axe })
    const { violations } = await p.evaluate(() => window.axe.run())
    assert.deepEqual(violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' ')), [])
    if (url === followed) {
      await p.keyboard.press('/')
      assert.equal(await p.evaluate(() => document.activeElement.id), 'filter')
      await p.keyboard.press('Tab')
      assert.equal(await p.evaluate(() => document.activeElement.id), 'pause')
    }
    await done('axe, ' + colorScheme, p)
  }
}

// ---- the program is upgraded, or restarted, and the page goes on by itself
if (process.stdin.readable) {
  const p = await page(followed)
  await hit('/before/the/restart')
  await shows(p, '/before/the/restart')
  console.log('ready')
  await new Promise(resolve => process.stdin.once('data', resolve)) // it was
  await hit('/after/the/restart')
  await shows(p, '/after/the/restart')
  assert.equal((await paths(p)).filter(x => x === '/before/the/restart').length, 1)
  assert.equal(await p.getAttribute('#state', 'data-state'), 'live')
  // A page that comes back while the old program still drains is told 503, and tries again.
  p.wrong = p.wrong.filter(w => !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET)|status of 503/.test(w))
  await done('goes on', p)
}
await browser.close()
process.exit(0)
