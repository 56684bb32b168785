// An Express application that executes session operations, in cookies, in Redis or in PostgreSQL.
// CSRF checks are those of csrf-sync, flash messages those of connect-flash.

"use strict";

const { parseArgs } = require("node:util");

const flash = require("connect-flash");
const connectPg = require("connect-pg-simple");
const { RedisStore } = require("connect-redis");
const cookieSession = require("cookie-session");
const { csrfSync } = require("csrf-sync");
const express = require("express");
const session = require("express-session");
const pg = require("pg");
const { createClient } = require("redis");

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    sessions: { type: "string", default: "cookie" },
    secret: { type: "string", default: "keyboard cat" },
    previous: { type: "string", default: "" },
    "cookie-name": { type: "string", default: "session" },
    "max-age": { type: "string", default: "none" },
    ttl: { type: "string", default: "86400" },
    prefix: { type: "string", default: "sess:" },
    table: { type: "string", default: "session" },
    rolling: { type: "boolean", default: false },
  },
});

// The time of the current request. Requests are handled one at a time.
const SystemDate = Date;
let now = null;
globalThis.Date = class extends SystemDate {
  constructor(...parts) {
    if (parts.length === 0) super(Date.now());
    else super(...parts);
  }
  static now() {
    return now ?? SystemDate.now();
  }
};

const keys = [options.secret, options.previous].filter((key) => key !== "");
const maxAge = options["max-age"] === "none" ? undefined : Number(options["max-age"]) * 1000;
const inCookies = options.sessions === "cookie";

async function sessions() {
  const name = options["cookie-name"];
  if (inCookies) return cookieSession({ name, keys, maxAge });
  const common = { name, secret: keys, resave: false, saveUninitialized: false, rolling: options.rolling, cookie: { maxAge } };
  if (options.sessions.startsWith("redis:")) {
    const client = await createClient({ url: options.sessions }).connect();
    return session({ ...common, store: new RedisStore({ client, prefix: options.prefix, ttl: Number(options.ttl) }) });
  }
  if (options.sessions.startsWith("postgres:")) {
    const Store = connectPg(session);
    const pool = new pg.Pool({ connectionString: options.sessions });
    const store = new Store({
      pool,
      tableName: options.table,
      ttl: Number(options.ttl),
      createTableIfMissing: true,
      pruneSessionInterval: false,
    });
    return session({ ...common, store });
  }
  throw new Error(`--sessions ${options.sessions}: there are cookie, redis://… and postgres://…`);
}

const { csrfSynchronisedProtection, generateToken, isRequestValid } = csrfSync();

// The keys of a session, without the one that Express uses internally.
const data = (request) => Object.keys(request.session).filter((key) => key !== "cookie");

const operations = {
  get: (request, key) => request.session[key] ?? null,
  contains: (request, key) => data(request).includes(key),
  keys: (request) => data(request),
  len: (request) => data(request).length,
  entries: (request) => Object.fromEntries(data(request).map((key) => [key, request.session[key]])),
  insert(request, key, value) {
    request.session[key] = value;
    return null;
  },
  remove(request, key) {
    const there = data(request).includes(key);
    delete request.session[key];
    return there;
  },
  take(request, key) {
    const value = request.session[key] ?? null;
    delete request.session[key];
    return value;
  },
  set_default: (request, key, value) => (request.session[key] ??= value),
  extend(request, entries) {
    Object.assign(request.session, entries);
    return null;
  },
  pop_item(request) {
    const key = data(request).at(-1);
    return key === undefined ? null : [key, operations.take(request, key)];
  },
  clear(request) {
    for (const key of data(request)) delete request.session[key];
    return null;
  },
  add: (request, key, number) => (request.session[key] = (request.session[key] ?? 0) + number),
  push(request, key, value) {
    request.session[key] = [...(request.session[key] ?? []), value];
    return request.session[key].length;
  },
  flash(request, message, queue, allowDuplicate) {
    const type = queue || "info";
    if (allowDuplicate !== false || !(request.session.flash?.[type] ?? []).includes(message)) request.flash(type, message);
    return null;
  },
  pop_flash: (request, queue) => request.flash(queue || "info"),
  peek_flash: (request, queue) => request.session.flash?.[queue || "info"] ?? [],
  csrf_token: (request) => generateToken(request),
  new_csrf_token: (request) => generateToken(request, true),
  check_csrf: (request, token) => isRequestValid({ ...request, session: request.session, headers: { "x-csrf-token": token } }),
  is_new: (request) => (inCookies ? request.session.isNew : data(request).length === 0),
  async invalidate(request) {
    if (inCookies) request.session = null;
    else await new Promise((done, failed) => request.session.destroy((error) => (error ? failed(error) : done())));
    return null;
  },
  // Seconds, `null` for "until the browser is closed", or "configured".
  set_max_age(request, age) {
    if (age === null) request.session.cookie.expires = false;
    else if (age !== "configured") request.session.cookie.maxAge = age * 1000;
    return null;
  },
  async cycle_id(request) {
    const kept = Object.fromEntries(data(request).map((key) => [key, request.session[key]]));
    const age = inCookies ? undefined : request.session.cookie.originalMaxAge;
    await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
    Object.assign(request.session, kept);
    // `regenerate` begins with the configured life. `false` is not null to Express: see `set_max_age`.
    if (age === false) request.session.cookie.expires = false;
    else if (age != null) request.session.cookie.maxAge = age;
    return null;
  },
};

async function run(request, [name, ...rest]) {
  if (!Object.hasOwn(operations, name)) {
    return { err: { kind: "bad-operation", message: `there is no operation ${name}` } };
  }
  try {
    return { ok: (await operations[name](request, ...rest)) ?? null };
  } catch (error) {
    return { err: { kind: error.name, message: error.message } };
  }
}

async function main() {
  const app = express();
  app.disable("x-powered-by");
  app.use((request, _response, next) => {
    const told = request.get("x-probe-now");
    now = told === undefined ? null : Math.round(Number(told) * 1000);
    next();
  });
  app.use(await sessions());
  app.use(flash());
  app.post("/ops", express.json({ type: () => true }), async (request, response) => {
    const results = [];
    for (const operation of request.body) results.push(await run(request, operation));
    response.status(Number(request.get("x-probe-status") ?? 200)).json({ results });
  });
  app.post("/form", csrfSynchronisedProtection, (_request, response) => {
    response.send("ok");
  });
  app.get("/untouched", (_request, response) => {
    response.send("untouched");
  });
  app.use((error, _request, response, _next) => {
    response.status(error.statusCode ?? 500).send(error.message);
  });

  const server = app.listen(Number(options.port), "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
