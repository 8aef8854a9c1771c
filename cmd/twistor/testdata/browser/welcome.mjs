// The page of a server without options, in Chromium: it counts live, asks nobody else, fits a phone, and axe
// has no complaint. Arguments: where playwright-core and axe-core are, the browser, the page, and a directory
// for pictures ("": none).
import { createRequire } from 'node:module'
import { strict as assert } from 'node:assert'

const [modules, executablePath, url, pictures] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { chromium } = require('playwright-core')
const axe = require.resolve('axe-core/axe.min.js')

const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync']
})
for (const [name, colorScheme, viewport] of [
  ['wide', 'light', { width: 1280, height: 900 }], ['wide', 'dark', { width: 1280, height: 900 }],
  ['phone', 'light', { width: 360, height: 740 }], ['phone', 'dark', { width: 360, height: 740 }]
]) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
  const p = await context.newPage()
  const wrong = []
  p.on('pageerror', e => wrong.push(String(e)))
  p.on('console', m => { if (m.type() === 'error' && !m.text().includes('404')) wrong.push(m.text()) })
  p.on('request', r => { if (new URL(r.url()).origin !== new URL(url).origin) wrong.push('asks ' + r.url()) })
  await p.goto(url)
  await p.waitForFunction(() => document.querySelector('#state').textContent === 'live')
  const count = async () => Number((await p.textContent('#requests')).replaceAll(',', ''))
  await p.waitForFunction(() => document.querySelector('#requests').textContent !== '0')
  const before = await count()
  await p.evaluate(() => fetch('none'))
  await p.waitForFunction(n => Number(document.querySelector('#requests').textContent.replaceAll(',', '')) > n, before)
  assert.equal(await p.textContent('#protocol'), 'HTTP/1.1')
  assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it is wider than the screen')
  const ground = await p.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((a, b) => a + Number(b), 0) / 3)
  assert.ok(colorScheme === 'dark' ? ground < 60 : ground > 200, `${colorScheme} has a ground of ${ground}`)
  if (pictures) await p.screenshot({ path: `${pictures}/welcome-${name}-${colorScheme}.png`, fullPage: true })
  assert.deepEqual(wrong, [])
  await context.close()

  const open = await browser.newContext({ viewport, colorScheme, bypassCSP: true })
  const q = await open.newPage()
  await q.goto(url)
  await q.addScriptTag({ path: axe })
  const { violations } = await q.evaluate(() => window.axe.run())
  assert.deepEqual(violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' ')), [])
  await open.close()
}
await browser.close()
console.log('ok all')
