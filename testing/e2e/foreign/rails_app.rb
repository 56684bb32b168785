# An application on Rails' ActionController that executes session operations, in Rails' encrypted cookies.
#
# Sessions, flash messages and CSRF checks are those of Rails. Only the server is ours: it handles one request at a time and keeps
# connections open.

require "json"
require "optparse"
require "socket"
require "stringio"

require "action_controller"
require "active_support/messages/rotation_configuration"

OPTIONS = { port: 0, secret: "a" * 128, "cookie-name": "_session", digest: "SHA1", metadata: "yes", jar: "encrypted", previous: nil,
            "expire-after": nil, serializer: "json" }
OptionParser.new do |parser|
  parser.on("--port N", Integer)
  parser.on("--secret SECRET")
  parser.on("--cookie-name NAME")
  parser.on("--digest DIGEST", "of the key generator: SHA1 before Rails 7, SHA256 since then")
  parser.on("--metadata YES", "whether cookies have a purpose: yes since Rails 6")
  parser.on("--jar JAR", "encrypted or signed")
  parser.on("--previous SECRET", "a previous secret, accepted for reading")
  parser.on("--expire-after SECONDS", Integer)
  parser.on("--serializer STEP", "json, or a step of the move to it: marshal or hybrid")
end.parse!(into: OPTIONS)

# The time of the current request.
module Clock
  class << self
    attr_accessor :now
  end

  def now(*)
    Clock.now ? Time.at(Clock.now) : super
  end
end
Time.singleton_class.prepend(Clock)

# The key generator, with a choice of digest: `key_generator_hash_digest_class` in Rails 7. Rails 6 always uses SHA-1.
class KeyGenerator
  def initialize(secret)
    @secret = secret
  end

  def generate_key(salt, length = 64)
    digest = OpenSSL::Digest.new(OPTIONS[:digest])
    OpenSSL::KDF.pbkdf2_hmac(@secret, salt: salt, iterations: 1000, length: length, hash: digest)
  end
end

SALT = "authenticated encrypted cookie"

# The settings that Rails' configuration passes to its middleware.
class Configuration
  def initialize(app)
    @app = app
    rotations = ActiveSupport::Messages::RotationConfiguration.new
    rotations.rotate(:encrypted, KeyGenerator.new(OPTIONS[:previous]).generate_key(SALT, 32)) if OPTIONS[:previous]
    @settings = {
      "action_dispatch.key_generator" => ActiveSupport::CachingKeyGenerator.new(KeyGenerator.new(OPTIONS[:secret])),
      "action_dispatch.secret_key_base" => OPTIONS[:secret],
      "action_dispatch.authenticated_encrypted_cookie_salt" => SALT,
      "action_dispatch.encrypted_cookie_salt" => "encrypted cookie",
      "action_dispatch.encrypted_signed_cookie_salt" => "signed encrypted cookie",
      "action_dispatch.signed_cookie_salt" => "signed cookie",
      "action_dispatch.use_authenticated_cookie_encryption" => true,
      "action_dispatch.use_cookies_with_metadata" => OPTIONS[:metadata] == "yes",
      "action_dispatch.cookies_serializer" => OPTIONS[:serializer].to_sym,
      "action_dispatch.cookies_rotations" => rotations,
    }
  end

  def call(env)
    @app.call(env.merge(@settings))
  end
end

# Sessions in cookies that are signed but not encrypted.
class SignedStore < ActionDispatch::Session::CookieStore
  private

  def cookie_jar(request) = request.cookie_jar.signed
end

# The operations.
class Operations
  def initialize(controller)
    @controller = controller
    @session = controller.session
  end

  # Rails drops messages after the request that accesses `flash`, so only operations on messages may access it.
  def flash = @controller.send(:flash)

  def run(operation)
    name, *arguments = operation
    return refused(name) unless self.class.public_method_defined?("do_#{name}")
    { ok: public_send("do_#{name}", *arguments) }
  rescue StandardError => error
    { err: { kind: error.class.name, message: error.message } }
  end

  def refused(name)
    { err: { kind: "bad-operation", message: "there is no operation #{name}" } }
  end

  def do_get(key) = @session[key]
  def do_contains(key) = @session.key?(key)
  def do_keys = @session.to_hash.keys
  def do_len = @session.to_hash.size
  def do_entries = @session.to_hash

  def do_insert(key, value)
    @session[key] = value
    nil
  end

  def do_remove(key)
    there = @session.key?(key)
    @session.delete(key)
    there
  end

  def do_take(key) = @session.delete(key)
  def do_set_default(key, value) = @session.key?(key) ? @session[key] : @session[key] = value

  def do_extend(entries)
    @session.update(entries)
    nil
  end

  def do_clear
    @session.clear
    nil
  end

  def do_add(key, number) = @session[key] = (@session[key] || 0) + number

  def do_push(key, value)
    @session[key] = (@session[key] || []) + [value]
    @session[key].size
  end

  # Rails has one value under each key, and drops it after the next request that reads it.
  def do_flash(message, queue = nil, _allow_duplicate = nil)
    flash[queue.to_s.empty? ? "notice" : queue] = message
    nil
  end

  def do_pop_flash(queue = nil) = [flash[queue.to_s.empty? ? "notice" : queue]].flatten(1).compact
  def do_csrf_token = @controller.send(:form_authenticity_token)
  def do_real_csrf_token = @session["_csrf_token"]
  def do_check_csrf(token) = @controller.send(:valid_authenticity_token?, @session, token)

  def do_new_csrf_token
    @controller.send(:reset_csrf_token) if @controller.respond_to?(:reset_csrf_token, true)
    @session.delete("_csrf_token")
    do_csrf_token
  end

  def do_invalidate
    @controller.send(:reset_session)
    nil
  end
end

class ProbeController < ActionController::Base
  protect_from_forgery with: :exception, except: :ops
  self.per_form_csrf_tokens = false
  self.forgery_protection_origin_check = false
  self.allow_forgery_protection = true

  rescue_from(ActionController::InvalidAuthenticityToken) { head :forbidden }

  def ops
    operations = Operations.new(self)
    results = JSON.parse(request.raw_post).map { |operation| operations.run(operation) }
    render json: { results: results }, status: (request.headers["X-Probe-Status"] || 200).to_i
  end

  def form = render(plain: "ok")
  def untouched = render(plain: "untouched")
end

ROUTES = { "/ops" => :ops, "/form" => :form, "/untouched" => :untouched }
router = lambda do |env|
  action = ROUTES[env["PATH_INFO"]]
  action ? ProbeController.action(action).call(env) : [404, {}, ["there is no such page"]]
end

app = ActionDispatch::Flash.new(router)
store = OPTIONS[:jar] == "signed" ? SignedStore : ActionDispatch::Session::CookieStore
app = store.new(app, key: OPTIONS[:"cookie-name"], expire_after: OPTIONS[:"expire-after"])
app = ActionDispatch::Cookies.new(app)
APP = Configuration.new(app)

def read(connection)
  line = connection.gets or return
  method, target, protocol = line.split
  path, query = target.split("?", 2)
  env = {
    "REQUEST_METHOD" => method, "SCRIPT_NAME" => "", "PATH_INFO" => path, "QUERY_STRING" => query.to_s,
    "SERVER_NAME" => "127.0.0.1", "SERVER_PORT" => "80", "SERVER_PROTOCOL" => protocol, "rack.url_scheme" => "http",
    "rack.errors" => $stderr, "rack.version" => [1, 3], "rack.multithread" => false, "rack.multiprocess" => false,
    "rack.run_once" => false, "REMOTE_ADDR" => "127.0.0.1"
  }
  until (line = connection.gets.to_s.strip).empty?
    name, value = line.split(":", 2)
    name = name.upcase.tr("-", "_")
    env[%w[CONTENT_TYPE CONTENT_LENGTH].include?(name) ? name : "HTTP_#{name}"] = value.strip
  end
  env["rack.input"] = StringIO.new(connection.read(env["CONTENT_LENGTH"].to_i).to_s.b)
  env
end

def answer(env)
  Clock.now = env["HTTP_X_PROBE_NOW"]&.to_r
  status, headers, body = APP.call(env)
  text = +""
  body.each { |part| text << part }
  body.close if body.respond_to?(:close)
  lines = headers.reject { |name, _| name.downcase == "content-length" }
                 .flat_map { |name, value| value.to_s.split("\n").map { |it| "#{name}: #{it}" } }
  ["HTTP/1.1 #{status} #{Rack::Utils::HTTP_STATUS_CODES[status]}", *lines, "Content-Length: #{text.bytesize}", "", text].join("\r\n")
ensure
  Clock.now = nil
end

TURN = Mutex.new
server = TCPServer.new("127.0.0.1", OPTIONS[:port])
$stdout.sync = true
puts "listening on http://127.0.0.1:#{server.addr[1]}"
loop do
  Thread.new(server.accept) do |connection|
    connection.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    while (env = read(connection))
      connection.write(TURN.synchronize { answer(env) })
      break if env["HTTP_CONNECTION"].to_s.downcase == "close"
    end
  rescue SystemCallError
    # The client has disconnected.
  ensure
    connection.close
  end
end
