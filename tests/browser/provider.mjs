// The county's provider of OpenID Connect: a whole one, of people who live in memory. Prints its issuer as JSON, then obeys lines
// on standard input, each answered with `ok`: `console URL` (the console that may use it; before that it answers nothing),
// `rotate` (other keys, the old ones gone).
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

import Provider from 'oidc-provider'

/** By login: name, groups, and how the provider asks them. */
const PEOPLE = {
  chen: { name: '陈巡视', groups: ['staff', 'mingjing-inspectors'], amr: ['pwd', 'mfa'] },
  qian: { name: '钱监察', groups: ['mingjing-inspectors'], amr: ['pwd'] },
  sun: { name: '孙县长', groups: ['mingjing-leaders'], amr: ['pwd'] },
  leader: { name: '另一位', groups: ['mingjing-leaders'], amr: ['pwd'] },
  zhou: { name: '周路人', groups: ['chess-club'], amr: ['pwd'] },
}
const ID = 'mingjing'
const SECRET = 'only for this test: a secret & more'

// Standard output is for answers; what the library recommends for real use is not heard here.
globalThis.console.info = () => undefined
globalThis.console.warn = () => undefined

let provider = null
let console_url = ''

function keys() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }] }
}

/** Anew, with keys of its own: who had a session with the one before has none. */
function make() {
  provider = new Provider(issuer, {
    jwks: keys(),
    clients: [
      {
        client_id: ID,
        client_secret: SECRET,
        redirect_uris: [`${console_url}/api/v1/session/sso/callback`],
        post_logout_redirect_uris: [`${console_url}/signin`],
        backchannel_logout_uri: `${console_url}/api/v1/session/sso/logout`,
        backchannel_logout_session_required: true,
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub', 'amr', 'acr', 'sid'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    pkce: { required: () => true },
    // The library would call nobody on this machine, where the console is.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
    cookies: { keys: ['only for this test'] },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => {
      const login = sub.replace(/^person-/, '')
      const { name, groups } = PEOPLE[login]
      return { accountId: sub, claims: () => ({ sub, name, groups, preferred_username: login }) }
    },
    // The console is the county's own: nobody is asked whether it may know who they are.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: ID, accountId: oidc.session.accountId })
      grant.addOIDCScope('openid profile groups')
      await grant.save()
      return grant
    },
  })
  provider.on('backchannel.error', (_, error) => process.stderr.write(`provider: logout not heard: ${error}\n`))
}

const page = (body) => `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>县统一身份认证</title><main>${body}</main></html>`

async function interaction(request, response) {
  const { prompt } = await provider.interactionDetails(request, response)
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page(`<h1>县统一身份认证</h1><p>${prompt.name}</p><form method="post">
      <label>账号 <input name="login" autofocus></label> <button>登录</button> <button name="cancel" value="1">取消</button></form>`))
  }
  const body = new URLSearchParams(await new Response(request).text())
  const login = body.get('login')
  if (body.has('cancel')) return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'broken off' })
  if (!Object.hasOwn(PEOPLE, login)) return response.writeHead(303, { location: request.url }).end()
  const result = { login: { accountId: `person-${login}`, amr: PEOPLE[login].amr } }
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

const server = createServer((request, response) => {
  const failed = (error) => {
    process.stderr.write(`provider: ${error.stack}\n`)
    response.writeHead(500).end()
  }
  if (!provider) response.writeHead(503).end()
  else if (request.url.startsWith('/interaction/')) interaction(request, response).catch(failed)
  else provider.callback()(request, response)
})
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
// Another site than the console's 127.0.0.1: cookies between the two are as between two machines.
const issuer = `http://localhost:${server.address().port}`
process.stdout.write(`${JSON.stringify({ issuer })}\n`)

for await (const line of createInterface(process.stdin)) {
  const [command, argument] = line.split(' ')
  if (command === 'console') {
    console_url = argument
    make()
  } else if (command === 'rotate') make()
  else throw new Error(`${line} is no command`)
  process.stdout.write('ok\n')
}
process.exit(0)
