#include "http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <sys/random.h>

#include <atomic>
#include <cstring>

#include "../json.h"
#include "callers.h"
#include "weft/kernels/error.h"

namespace weft::apps::studio {
namespace {

struct Exchange {
  Request request;
  size_t length = 0;                             // of its body
};

bool same_secret(const std::string& a, const std::string& b) {       // in a time that tells nothing of where they differ
  unsigned different = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i) different |= unsigned(a[i] ^ (i < b.size() ? b[i] : 0));
  return !different;
}

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value ? value : "";
}

MHD_Result answer(MHD_Connection* connection, const Response& r) {
  MHD_Response* out = MHD_create_response_from_buffer(r.body.size(), const_cast<char*>(r.body.data()), MHD_RESPMEM_MUST_COPY);
  if (!out) return MHD_NO;
  if (!r.type.empty()) MHD_add_response_header(out, "Content-Type", r.type.c_str());
  if (!r.file_name.empty()) MHD_add_response_header(out, "Content-Disposition", ("attachment; filename=\"" + r.file_name + "\"").c_str());
  for (const auto& [name, value] : {std::pair<const char*, const char*>
        {"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
                                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"}, {"X-Frame-Options", "DENY"}, {"Referrer-Policy", "no-referrer"}, {"Cache-Control", "no-store"},
        {"Cross-Origin-Resource-Policy", "same-origin"}, {"Cross-Origin-Opener-Policy", "same-origin"}})
    MHD_add_response_header(out, name, value);
  const MHD_Result queued = MHD_queue_response(connection, unsigned(r.status), out);
  MHD_destroy_response(out);
  return queued;
}

Response error(int status, const std::string& text) {
  return {status, "application/json", Json{{"error", text}}.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace

class Server::Door {
 public:
  Door(int port, const std::string& token, std::function<Response(const Request&)> handler, const Limits& limits)
      : token_(token), handler_(std::move(handler)), limits_(limits) {
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_port = htons(uint16_t(port)), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    daemon_ = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, uint16_t(port), nullptr, nullptr, on_request, this,
                               MHD_OPTION_SOCK_ADDR, reinterpret_cast<sockaddr*>(&address), MHD_OPTION_CONNECTION_LIMIT, limits.connections,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, size_t{32} << 10, MHD_OPTION_CONNECTION_TIMEOUT, unsigned(limits.exchange_seconds),
                               MHD_OPTION_THREAD_STACK_SIZE, size_t{2} << 20, MHD_OPTION_NOTIFY_CONNECTION, on_connection, this,
                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, this, MHD_OPTION_END);
    if (!daemon_) throw IoError("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno) + "; give another --port, or 0 for any that is free");
    port_ = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT)->port;
  }
  ~Door() {
    callers_.end();
    MHD_stop_daemon(daemon_);
  }
  int port() const { return port_; }

 private:
  /// The number to refuse it with; 0: it may come in.
  int refusal(MHD_Connection* connection, const Request& request) const {
    const std::string here = "127.0.0.1:" + std::to_string(port_), by_name = "localhost:" + std::to_string(port_);
    const std::string host = header(connection, "Host"), origin = header(connection, "Origin"), site = header(connection, "Sec-Fetch-Site");
    if (host != here && host != by_name) return 403;
    if (!origin.empty() && origin != "http://" + host) return 403;
    if (!site.empty() && site != "same-origin" && site != "none" && request.path != "/") return 403;      // a link to the page may stand anywhere
    if (!same_secret(token_, header(connection, "X-Weft-Token")) && !same_secret(token_, request["token"])) return 403;
    return request.method == "GET" || request.method == "POST" || request.method == "DELETE" ? 0 : 405;
  }

  static MHD_Result on_argument(void* into, MHD_ValueKind, const char* name, const char* value) {
    (*static_cast<std::map<std::string, std::string>*>(into))[name] = value ? value : "";
    return MHD_YES;
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method, const char*, const char* data, size_t* size, void** state) {
    Door& door = *static_cast<Door*>(self);
    if (!*state) return door.begin(connection, url, method, state);
    Exchange& exchange = *static_cast<Exchange*>(*state);
    if (*size == 0) return door.finish(connection, exchange.request);
    if (exchange.request.body.size() + *size > exchange.length) return MHD_NO;      // more than it said: the connection is closed
    exchange.request.body.append(data, *size);
    *size = 0;
    return MHD_YES;
  }

  MHD_Result begin(MHD_Connection* connection, const char* url, const char* method, void** state) {
    auto exchange = std::make_unique<Exchange>();
    exchange->request = {method, url, {}, {}};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_argument, &exchange->request.query);
    if (const int number = refusal(connection, exchange->request)) return answer(connection, {number, "", ""});
    const std::string& path = exchange->request.path;
    const size_t most = exchange->request.method != "POST" ? 0 : path == "/api/pictures" || path == "/api/masks" ? limits_.picture_bytes : limits_.body_bytes;
    const std::string length = header(connection, "Content-Length");       // bodies of no told length are none of a browser's
    const size_t wanted = std::strtoull(length.c_str(), nullptr, 10);
    if (!header(connection, "Transfer-Encoding").empty() || (most && length.empty())) return answer(connection, error(411, "say how long it is"));
    if (wanted > most) return answer(connection, error(413, "that is more than the " + std::to_string(most >> 10) + " KiB that are taken here"));
    if ((in_flight_ += wanted) > limits_.bytes_in_flight) {
      in_flight_ -= wanted;
      return answer(connection, error(503, "too much is on its way already; try again"));
    }
    exchange->length = wanted;
    exchange->request.body.reserve(wanted);
    extend(connection, limits_.exchange_seconds);
    *state = exchange.release();
    return MHD_YES;
  }

  MHD_Result finish(MHD_Connection* connection, const Request& request) {
    try {
      return answer(connection, handler_(request));
    } catch (const Error& e) {
      return answer(connection, error(e.exit_code == 2 || e.exit_code == 66 ? 400 : 500, e.what()));
    } catch (const std::exception& e) {
      return answer(connection, error(500, e.what()));
    }
  }

  static void on_completed(void* self, MHD_Connection* connection, void** state, MHD_RequestTerminationCode) {
    Door& door = *static_cast<Door*>(self);
    const std::unique_ptr<Exchange> ended(static_cast<Exchange*>(*state));
    if (ended) door.in_flight_ -= ended->length;
    *state = nullptr;
    door.extend(connection, door.limits_.headers_seconds);
  }

  static void on_connection(void* self, MHD_Connection* connection, void** socket_context, MHD_ConnectionNotificationCode code) {
    Door& door = *static_cast<Door*>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
      *socket_context = door.callers_.come(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, door.limits_.headers_seconds);
    else if (auto* caller = static_cast<Callers::Caller*>(*socket_context))
      door.callers_.go(caller);                  // before the socket is closed and its number given to another
  }

  void extend(MHD_Connection* connection, int seconds) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (auto* caller = info ? static_cast<Callers::Caller*>(info->socket_context) : nullptr) callers_.extend(caller, seconds);
  }

  const std::string token_;
  const std::function<Response(const Request&)> handler_;
  const Limits limits_;
  MHD_Daemon* daemon_ = nullptr;
  std::atomic<int> port_{0};                     // known once it listens, when somebody may have come already
  std::atomic<size_t> in_flight_{0};
  Callers callers_;
};

Server::Server(int port, const std::string& token, std::function<Response(const Request&)> handler, const Limits& limits)
    : door_(std::make_unique<Door>(port, token, std::move(handler), limits)) {}
Server::~Server() = default;
int Server::port() const { return door_->port(); }

std::string new_token() {
  unsigned char bytes[16];
  if (getentropy(bytes, sizeof bytes) != 0) throw IoError("the system gives no random numbers for a token");
  std::string token;
  for (const unsigned char byte : bytes) token += "0123456789abcdef"[byte >> 4], token += "0123456789abcdef"[byte & 15];
  return token;
}

}  // namespace weft::apps::studio
