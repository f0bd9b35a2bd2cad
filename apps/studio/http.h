// The studio's door: HTTP on the loopback interface, for one browser that knows the token. libmicrohttpd stays in http.cpp.
//
// Nothing is trusted before it was looked at: the Host must be this address (or a foreign name could be made to point here), an Origin, if
// one is told, must be this page's, and the token must be in the address or in a header. There is no cookie: browsers send cookies of
// 127.0.0.1 to every port of it. What is refused is refused before its body is read, and hears nothing but a number.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace weft::apps::studio {

struct Request {
  std::string method, path;                      // "GET", "/api/runs"
  std::map<std::string, std::string> query;
  std::string body;
  std::string operator[](const std::string& name) const { const auto it = query.find(name); return it == query.end() ? "" : it->second; }
};

struct Response {
  int status = 200;
  std::string type, body;
  std::string file_name = {};                    // if not empty, a browser saves it under this name
};

/// What one client can take of the machine.
struct Limits {
  size_t picture_bytes = size_t{64} << 20;       // of a body, where a picture is sent
  size_t body_bytes = size_t{256} << 10;         // of any other
  size_t bytes_in_flight = size_t{160} << 20;    // of all bodies that are being read
  unsigned connections = 48;
  int headers_seconds = 10;                      // from a connection, or the end of an exchange, to the end of the next headers
  int exchange_seconds = 60;                     // from there to the end of the answer
};

class Server {
 public:
  /// `port` 0: any that is free. The handler is called from several threads at once and may wait; what it throws becomes an answer:
  /// ConfigError, DataError and FormatError 400, others 500, each {"error": text}.
  /// Throws IoError if the port cannot be had.
  Server(int port, const std::string& token, std::function<Response(const Request&)> handler, const Limits& limits = {});
  ~Server();                                     // ends every connection
  int port() const;

 private:
  class Door;
  std::unique_ptr<Door> door_;
};

/// 128 bits from the system, as 32 hex digits.
std::string new_token();

}  // namespace weft::apps::studio
