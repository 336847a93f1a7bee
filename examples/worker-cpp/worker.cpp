// A complete GridLike worker in C++17. It speaks gridlike.v2 as docs/protocol.md describes it: many jobs at a time,
// results kept until their receipt, resume after a lost connection or a restart of the server.
// One thread owns the socket and every decision; the threads of the pool run jobs and move large bytes.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>
#include <websocketpp/client.hpp>
#include <websocketpp/config/core_client.hpp>

using json = nlohmann::json;
using std::string;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
extern char** environ;

constexpr size_t kFrameBytesMax = 256 * 1024, kFrameMessagesMax = 256, kHeaderBytesMax = 64 * 1024;
constexpr size_t kHoldingPerBeat = 800;

struct Refused : std::runtime_error { using runtime_error::runtime_error; };  // Another try is of no use.
struct Broken : std::runtime_error { using runtime_error::runtime_error; };   // The line, not the peer.
struct Closed : std::runtime_error {
  int code; double wait_s;
  Closed(int code, const string& why, double wait_s = 0)
      : runtime_error("closed with " + std::to_string(code) + " " + why), code(code), wait_s(wait_s) {}
};
// Thrown by work(): the job failed. Not retryable: another try would fail as well.
struct JobFailed : std::runtime_error {
  string logs; bool retryable; int exit_code;
  JobFailed(const string& info, string logs = "", bool retryable = true, int exit_code = 0)
      : runtime_error(info), logs(std::move(logs)), retryable(retryable), exit_code(exit_code) {}
};

void say(const string& line) { std::cerr << "gridlike-worker: " + line + "\n" << std::flush; }

double chance(double low, double high) {
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(low, high)(generator);
}
double jitter(int tries) { return chance(0, std::min(60.0, 0.5 * std::pow(2, std::min(tries, 10)))); }

string hex(const unsigned char* bytes, size_t size) {
  string text;
  for (size_t i = 0; i < size; i++) { text += "0123456789abcdef"[bytes[i] >> 4]; text += "0123456789abcdef"[bytes[i] & 15]; }
  return text;
}
string random_hex(size_t size) {
  std::random_device device;
  string bytes;
  while (bytes.size() < size) bytes += char(device());
  return hex(reinterpret_cast<const unsigned char*>(bytes.data()), size);
}
string sha256(const string& bytes) {
  unsigned char digest[32];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  return hex(digest, 32);
}

// -- Addresses, TLS, HTTP ----------------------------------------------------------------------------------

struct Address {
  bool is_tls; string host, port, path;
  bool same_origin(const Address& other) const {
    return is_tls == other.is_tls && host == other.host && port == other.port;
  }
};

Address parse(const string& url) {
  size_t mark = url.find("://");
  string scheme = url.substr(0, mark == string::npos ? 0 : mark);
  if (scheme != "ws" && scheme != "wss" && scheme != "http" && scheme != "https") throw Refused("\"" + url + "\" is no wss:// address.");
  size_t start = mark + 3, slash = std::min(url.find('/', start), url.size());
  string host = url.substr(start, slash - start), port;
  size_t colon = host.rfind(':');
  if (colon != string::npos && host.find(']', colon) == string::npos) { port = host.substr(colon + 1); host.resize(colon); }
  bool is_tls = scheme == "wss" || scheme == "https";
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {is_tls, host, port.empty() ? (is_tls ? "443" : "80") : port, slash == url.size() ? "/" : url.substr(slash)};
}
// A reference as the server writes them: a whole address, a path from the root, or one beside the socket's.
Address resolve(const Address& base, const string& reference) {
  if (reference.find("://") != string::npos) return parse(reference);
  if (reference.rfind('/', 0) == 0) return {base.is_tls, base.host, base.port, reference};
  string folder = base.path.substr(0, base.path.find('?'));
  return {base.is_tls, base.host, base.port, folder.substr(0, folder.rfind('/') + 1) + reference};
}

struct Trust { string pin, ca_file; };

// A connection, checked against the pin before a byte is sent. Blocking until `unblock`.
class Stream {
 public:
  Stream(const Address& at, const Trust& trust) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found) != 0) throw Broken("There is no host " + at.host + ".");
    for (addrinfo* one = found; one != nullptr && fd_ < 0; one = one->ai_next) {
      fd_ = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
      timeval limit{30, 0};
      setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      if (connect(fd_, one->ai_addr, one->ai_addrlen) != 0) { ::close(fd_); fd_ = -1; }
    }
    freeaddrinfo(found);
    if (fd_ < 0) throw Broken("Nobody answers at " + at.host + ":" + at.port + ".");
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    try { if (at.is_tls) shake_hands(at, trust); } catch (...) { drop(); throw; }
  }
  ~Stream() { drop(); }
  Stream(const Stream&) = delete;
  int fd() const { return fd_; }
  void unblock() { fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK); }
  bool has_pending() const { return ssl_ != nullptr && SSL_pending(ssl_) > 0; }
  // Bytes moved; 0 when it would block; -1 at the end.
  long read(char* to, size_t size) { return settle(ssl_ ? SSL_read(ssl_, to, int(size)) : ::recv(fd_, to, size, 0)); }
  long write(const char* from, size_t size) {
    return settle(ssl_ ? SSL_write(ssl_, from, int(size)) : ::send(fd_, from, size, MSG_NOSIGNAL));
  }
  void write_all(string text) {
    while (!text.empty()) {
      long sent = write(text.data(), std::min(text.size(), size_t(1) << 20));
      if (sent <= 0) throw Broken("The connection broke.");
      text.erase(0, size_t(sent));
    }
  }

 private:
  long settle(long moved) {
    if (moved > 0) return moved;
    if (ssl_ == nullptr) return moved < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    int error = SSL_get_error(ssl_, int(moved));
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  void shake_hands(const Address& at, const Trust& trust) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (trust.ca_file.empty()) SSL_CTX_set_default_verify_paths(context_);
    else if (!SSL_CTX_load_verify_locations(context_, trust.ca_file.c_str(), nullptr)) throw Refused("The CA file cannot be read.");
    ssl_ = SSL_new(context_);
    SSL_set_tlsext_host_name(ssl_, at.host.c_str());
    unsigned char ip[16];
    bool is_ip = inet_pton(AF_INET, at.host.c_str(), ip) == 1 || inet_pton(AF_INET6, at.host.c_str(), ip) == 1;
    if (is_ip) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), at.host.c_str());
    else SSL_set1_host(ssl_, at.host.c_str());
    SSL_set_verify(ssl_, trust.pin.empty() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_set_fd(ssl_, fd_);
    if (SSL_connect(ssl_) != 1) throw Broken("TLS failed: the certificate is not trusted, or it is no TLS.");
    if (trust.pin.empty()) return;
    unsigned char digest[32];
    std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_), X509_free);
    X509_digest(certificate.get(), EVP_sha256(), digest, nullptr);
    if (hex(digest, 32) != trust.pin) throw Refused("The certificate is sha256:" + hex(digest, 32) + ", not the pinned one.");
  }
  void drop() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (context_ != nullptr) SSL_CTX_free(context_);
    if (fd_ >= 0) ::close(fd_);
    ssl_ = nullptr; context_ = nullptr; fd_ = -1;
  }
  int fd_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
};

struct Answer { int status; string body; };

// One request. The attempt's token goes to the server alone, other hosts have their own permission in the address.
Answer call(const Address& own, const Trust& trust, const string& method, const string& url, const string& token, const string& body = "") {
  Address at = resolve(own, url);
  Stream stream(at, at.same_origin(own) ? trust : Trust{});
  string head = method + " " + at.path + " HTTP/1.1\r\nHost: " + at.host + ":" + at.port + "\r\nConnection: close\r\n";
  if (at.same_origin(own)) head += "Gridlike-Attempt-Token: " + token + "\r\n";
  if (method != "GET") head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  stream.write_all(head + "\r\n" + body);
  string came;
  char piece[65536];
  for (long size; (size = stream.read(piece, sizeof piece)) > 0;) came.append(piece, size_t(size));
  size_t end = came.find("\r\n\r\n");
  if (end == string::npos || came.size() < 12) throw Broken("The answer to " + method + " was cut short.");
  string fields = came.substr(0, end + 2), rest = came.substr(end + 4);
  std::transform(fields.begin(), fields.end(), fields.begin(), ::tolower);
  if (fields.find("\r\ntransfer-encoding: chunked\r\n") != string::npos) {
    string whole;
    for (size_t at_byte = 0;;) {
      size_t line = rest.find("\r\n", at_byte);
      if (line == string::npos) throw Broken("The answer was cut short.");
      size_t size = std::stoul(rest.substr(at_byte, line - at_byte), nullptr, 16);
      if (size == 0) return {std::stoi(fields.substr(9, 3)), whole};
      whole += rest.substr(line + 2, size);
      at_byte = line + 2 + size + 2;
    }
  }
  size_t length = fields.find("\r\ncontent-length: ");
  if (length != string::npos && rest.size() < std::stoul(fields.substr(length + 18))) throw Broken("The answer was cut short.");
  return {std::stoi(fields.substr(9, 3)), rest};
}

// -- Framing ------------------------------------------------------------------------------------------------

void put32(string& to, size_t value) { for (int shift = 24; shift >= 0; shift -= 8) to += char(value >> shift); }
size_t get32(const string& from, size_t at) {
  size_t value = 0;
  for (size_t i = at; i < at + 4; i++) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}

string pack(const json& header, const string& body = "") {
  string text = header.dump(-1, ' ', false, json::error_handler_t::replace), message;
  put32(message, text.size());
  put32(message, body.size());
  return message + text + body;
}

struct Message { json header; string body; };

std::vector<Message> unpack(const string& frame) {
  std::vector<Message> messages;
  if (frame.size() > kFrameBytesMax) throw std::invalid_argument("A frame is above 256 KiB.");
  for (size_t at = 0; at < frame.size() || messages.empty();) {
    if (at + 8 > frame.size()) throw std::invalid_argument("A frame ends within a message.");
    size_t header = get32(frame, at), body = get32(frame, at + 4);
    if (header == 0 || header > kHeaderBytesMax || at + 8 + header + body > frame.size()) throw std::invalid_argument("The lengths of a message are wrong.");
    json parsed = json::parse(frame.substr(at + 8, header));
    if (!parsed.is_object() || !parsed.contains("op") || !parsed["op"].is_string()) throw std::invalid_argument("A header has no op.");
    messages.push_back({std::move(parsed), frame.substr(at + 8 + header, body)});
    at += 8 + header + body;
    if (messages.size() > kFrameMessagesMax) throw std::invalid_argument("A frame has too many messages.");
  }
  return messages;
}

// -- The socket: WebSocket++ knows RFC 6455, the bytes go through a Stream -------------------------------------

class Socket {
 public:
  Socket(const Address& at, const Trust& trust, const string& token, int wake_fd) : stream_(at, trust), wake_fd_(wake_fd) {
    client_.clear_access_channels(websocketpp::log::alevel::all);
    client_.clear_error_channels(websocketpp::log::elevel::all);
    client_.set_max_message_size(4 * kFrameBytesMax);  // unpack() is stricter, and says so.
    for (auto off : {&Client::set_open_handshake_timeout, &Client::set_close_handshake_timeout, &Client::set_pong_timeout}) (client_.*off)(0);
    client_.set_write_handler([this](auto, const char* bytes, size_t size) { out_.append(bytes, size); return std::error_code(); });
    client_.set_message_handler([this](auto, Client::message_ptr message) {
      if (message->get_opcode() != websocketpp::frame::opcode::binary) is_broken_ = true;
      else frames_.push_back(message->get_payload());
    });
    client_.set_close_handler([this](auto) { is_over_ = true; });
    client_.set_fail_handler([this](auto) { is_over_ = true; });
    client_.set_open_handler([this](auto) { is_open_ = true; });
    std::error_code error;
    string host = at.host.find(':') == string::npos ? at.host : "[" + at.host + "]";
    connection_ = client_.get_connection("ws://" + host + ":" + at.port + at.path, error);
    if (error) throw Refused(error.message());
    connection_->append_header("X-API-KEY", token);
    connection_->add_subprotocol("gridlike.v2");
    stream_.unblock();
    client_.connect(connection_);
    while (!is_open_) receive(1.0);
    if (connection_->get_response_header("Sec-WebSocket-Protocol") != "gridlike.v2") {
      close(1000);
      throw Refused("The server does not speak gridlike.v2.");
    }
  }

  // What a closing connection does not take is told anew on the next one.
  void send(const string& frame) { (void)connection_->send(frame, websocketpp::frame::opcode::binary); }

  // The frames that came, after a wait of at most so long. Throws Closed, or Refused, at the end.
  std::vector<string> receive(double wait_s) {
    flush();
    if (frames_.empty() && !stream_.has_pending() && !is_over_) {
      pollfd both[] = {{stream_.fd(), short(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0}, {wake_fd_, POLLIN, 0}};
      poll(both, 2, int(wait_s * 1000) + 1);
    }
    char piece[65536];
    for (long size; !is_over_ && (size = stream_.read(piece, sizeof piece)) != 0;) {
      if (size < 0) { connection_->eof(); is_over_ = true; break; }
      heard_at_ = Clock::now();
      for (long at = 0; at < size && !is_over_;) at += long(connection_->read_some(piece + at, size_t(size - at)));
    }
    // The server's close is answered by now; the end of TCP is not waited for.
    if (is_open_ && connection_->get_remote_close_code() != websocketpp::close::status::abnormal_close) is_over_ = true;
    flush();
    if (is_broken_) {
      is_broken_ = false;
      close(4400);
      throw Refused("A text frame came. This worker and the server do not understand each other.");
    }
    auto frames = std::move(frames_);
    frames_.clear();
    if (frames.empty() && is_over_) end();
    double silence = Seconds(Clock::now() - heard_at_).count();
    if (silence > 60) throw Closed(1006, "because nothing came for a minute");
    if (silence > 30 && pinged_at_ < heard_at_) { pinged_at_ = Clock::now(); std::error_code ignored; connection_->ping("", ignored); }
    return frames;
  }

  // Says goodbye and waits a moment for the answer.
  void close(int code) {
    std::error_code ignored;
    connection_->close(websocketpp::close::status::value(code), "", ignored);
    auto until = Clock::now() + std::chrono::seconds(2);
    while (!is_over_ && Clock::now() < until) try { receive(0.1); } catch (const std::exception&) { break; }
  }

 private:
  using Client = websocketpp::client<websocketpp::config::core_client>;

  void flush() {
    long sent;
    while (!out_.empty() && (sent = stream_.write(out_.data(), out_.size())) > 0) out_.erase(0, size_t(sent));
  }
  [[noreturn]] void end() {
    if (is_open_) throw Closed(connection_->get_remote_close_code(), connection_->get_remote_close_reason());
    int status = connection_->get_response_code();
    string what = "The server answered the upgrade with " + std::to_string(status) + ".";
    if (status == 400 || status == 401 || status == 403) throw Refused(what);
    string wait = connection_->get_response_header("Retry-After");
    throw Closed(1006, what, std::atof(wait.c_str()));
  }

  Stream stream_;
  int wake_fd_;
  Client client_;
  Client::connection_ptr connection_;
  string out_;
  std::vector<string> frames_;
  bool is_open_ = false, is_over_ = false, is_broken_ = false;
  Clock::time_point heard_at_ = Clock::now(), pinged_at_ = heard_at_ - std::chrono::seconds(1);
};

// -- The worker ---------------------------------------------------------------------------------------------

using Work = std::function<string(const string& payload, const std::atomic<bool>& cancelled)>;
using Key = std::pair<string, long>;

enum State { kQueued, kRunning, kFinished, kFailed, kDropped };
const char* const kStateNames[] = {"queued", "running", "finished", "failed", "dropped"};

// An attempt, from `job` to its receipt.
struct Held {
  json header;
  string payload, result, then;  // `then`: what to say when it has ended on demand.
  std::unique_ptr<JobFailed> failure;
  std::atomic<bool> cancelled{false};
  std::atomic<State> state{kQueued};  // Leaves kQueued under the lock alone.
  Clock::time_point deadline = Clock::time_point::max();
  bool is_uploading = false;
  Key key() const { return {header["job"], header["attempt"]}; }
  json proof() const { return {{"job", header["job"]}, {"attempt", header["attempt"]}, {"token", header["token"]}}; }
  string path(const string& what) const {
    return "work/" + header["job"].get<string>() + "/" + std::to_string(header["attempt"].get<long>()) + "/" + what;
  }
};
using HeldPtr = std::shared_ptr<Held>;

struct Options { string url, token, name, id_file; Trust trust; int slots, window; std::vector<string> types; };

std::atomic<bool> stop_asked{false};
int wake_pipe[2];
void wake() { if (::write(wake_pipe[1], "!", 1) < 0) {} }  // Full: it is about to wake.

class Worker {
 public:
  Worker(Options options, Work work) : options_(std::move(options)), at_(parse(options_.url)), work_(std::move(work)) {
    std::ifstream(options_.id_file) >> worker_id_;
    if (worker_id_.empty()) make_id();
    for (int i = 0; i < options_.slots; i++) std::thread([this] { serve(); }).detach();
  }

  // Until it is asked to stop. Throws Refused.
  void run() {
    for (int tries = 0;; tries++) {
      double wait_s = 0;
      try { return session(); }
      catch (const Closed& closed) {
        say(closed.what());
        static const std::set<int> final_codes = {4400, 4401, 4403, 4409, 4426};
        if (final_codes.count(closed.code)) throw Refused(closed.what());
        if (closed.code == 4410) { make_id(); say("Another process has our worker_id. The new one is " + worker_id_ + "."); }
        wait_s = std::max(retry_after_s_, closed.wait_s);
      } catch (const Broken& broken) { say(broken.what()); }
      if (is_welcome_) tries = 0;
      is_welcome_ = false;
      socket_.reset();
      auto until = Clock::now() + Seconds(wait_s + jitter(tries));
      for (retry_after_s_ = 0; Clock::now() < until;) {
        pollfd one{wake_pipe[0], POLLIN, 0};
        poll(&one, 1, int(Seconds(until - Clock::now()).count() * 1000) + 1);
        handle_events();
        if (stop_asked && held_.empty()) return;
      }
    }
  }

 private:
  void make_id() { worker_id_ = random_hex(16); std::ofstream(options_.id_file) << worker_id_; }

  void session() {
    out_.clear(); retries_.clear(); asked_.clear();
    is_draining_ = has_told_stop_ = false;
    drain_at_ = Clock::time_point::max();
    socket_ = std::make_unique<Socket>(at_, options_.trust, options_.token, wake_pipe[0]);
    handle_events();  // What ended meanwhile is told as it is now.
    hello();
    for (;;) {
      flush();
      for (const string& frame : socket_->receive(1.0)) {
        try { for (Message& message : unpack(frame)) take(message.header, message.body); }
        catch (const std::exception& problem) {  // No message, or one without its fields.
          socket_->close(4400);
          throw Refused(string(problem.what()) + " This worker and the server do not understand each other.");
        }
      }
      handle_events();
      if (!is_welcome_) continue;
      tick();
      if (!stop_asked || !held_.empty()) continue;
      tell({{"op", "bye"}, {"why", "drained"}});
      flush();
      return socket_->close(1000);
    }
  }

  void hello() {
    std::vector<string> bodies(1);
    for (auto& [key, held] : held_) {
      json line = held->proof();
      line["state"] = kStateNames[held->state];
      if (held->state == kFinished) line.update({{"sha256", sha256(held->result)}, {"size", held->result.size()}});
      string text = line.dump() + "\n";
      if (bodies.back().size() + text.size() > 64 * 1024) bodies.emplace_back();
      bodies.back() += text;
    }
    out_.push_back(pack({{"op", "hello"}, {"worker_id", worker_id_}, {"name", options_.name}, {"boot_id", boot_id_}, {"types", options_.types}, {"slots", options_.slots}}, bodies[0]));
    for (size_t i = 1; i < bodies.size(); i++) out_.push_back(pack({{"op", "holding"}}, bodies[i]));
  }

  // What the server says.

  void take(const json& header, const string& body) {
    const string op = header["op"];
    Key key{header.value("job", ""), header.value("attempt", 0L)};
    auto found = held_.find(key);
    HeldPtr held = found == held_.end() ? nullptr : found->second;
    if (op == "welcome") {
      is_welcome_ = true;
      heartbeat_s_ = header.at("heartbeat_ms").get<double>() / 1000;
      body_bytes_max_ = header.at("frame_body_bytes_max");
      beat_at_ = after(heartbeat_s_);
      say("Connected to " + header.value("server", "the server") + ".");
      verdicts(body);
      tell({{"op", "ready"}, {"window", stop_asked ? 0 : options_.window}});
    } else if (op == "held") verdicts(body);
    else if (op == "job" && held == nullptr) {
      held = std::make_shared<Held>();
      held->header = header;
      held->payload = body;
      for (const char* field : {"token", "sha256"}) header.at(field).get_ref<const string&>();
      held_[key] = held;
      if (stop_asked || is_draining_) return release(held, "drain");
      std::lock_guard lock(mutex_);
      (header.value("priority", "") == "immediate" ? todo_first_ : todo_).push_back(held);
      more_.notify_one();
    } else if (op == "receipt") held_.erase(key);
    else if (op == "cancel") held == nullptr ? tell_of(key, "ended") : end(held, "ended", false);
    else if (op == "drain") {
      is_draining_ = true;
      if (header.contains("deadline_ms")) drain_at_ = after(header["deadline_ms"].get<double>() / 1000);
      release_queued();
    } else if (op == "undrain") { is_draining_ = false; drain_at_ = Clock::time_point::max(); }
    else if (op == "bye") retry_after_s_ = header.value("retry_after_ms", 0.0) / 1000;
    else if (op == "refused") refused(header);
  }

  void verdicts(const string& body) {
    std::istringstream lines(body);
    for (string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      json verdict = json::parse(line);
      auto found = held_.find({verdict.at("job"), verdict.at("attempt")});
      if (found == held_.end()) continue;
      HeldPtr held = found->second;
      string what = verdict.at("do");
      if (what == "abandon") end(held, "nothing", true);
      else if (what == "cancel") end(held, "ended", true);
      else if (held->state == kFinished || held->state == kFailed) deliver(held);
      else if (held->state == kQueued && !held->then.empty()) release(held, held->then);
    }
  }

  void refused(const json& header) {
    say("Refused: " + header.value("code", "") + " " + header.value("detail", ""));
    auto asked = asked_.find(header.value("re", -1L));
    auto found = asked == asked_.end() ? held_.end() : held_.find(asked->second);
    if (found == held_.end()) return;
    if (header.value("code", "") == "payload-too-large" && found->second->state == kFinished) upload(found->second);
    else retries_[found->first] = after(chance(1, 10));
  }

  // What happens here. Threads post events, this thread handles them.

  void post(std::function<void()> event) {
    { std::lock_guard lock(mutex_); events_.push_back(std::move(event)); }
    wake();
  }

  void handle_events() {
    char drained[256];
    while (::read(wake_pipe[0], drained, sizeof drained) > 0) {}
    std::deque<std::function<void()>> events;
    { std::lock_guard lock(mutex_); events.swap(events_); }
    for (auto& event : events) event();
    if (!stop_asked || has_seen_stop_) return;
    has_seen_stop_ = true;
    release_queued();
    if (is_welcome_) return;
    for (auto it = held_.begin(); it != held_.end();) it = it->second->state == kQueued ? held_.erase(it) : std::next(it);
  }

  bool is_held(const HeldPtr& held) {
    auto found = held_.find(held->key());
    return found != held_.end() && found->second == held;
  }

  void started(const HeldPtr& held) {
    if (!is_held(held)) return;
    if (long limit = held->header.value("timeout_ms", 0L)) held->deadline = after(limit / 1000.0);
    tell_of(held->key(), "started");
  }

  void ended(const HeldPtr& held) {
    if (!is_held(held)) return;
    held->payload.clear();
    if (held->then == "ended") { held_.erase(held->key()); return tell_of(held->key(), "ended"); }
    if (held->then == "timeout") held->failure = std::make_unique<JobFailed>("The job ran longer than its time limit.");
    else if (!held->then.empty()) { held->state = kQueued; return release(held, held->then); }
    held->state = held->failure ? kFailed : kFinished;
    deliver(held);
  }

  // Ends an attempt on demand; what is to be said then is said when nothing of it runs.
  void end(const HeldPtr& held, const string& then, bool even_if_done) {
    { std::lock_guard lock(mutex_); if (held->state == kQueued) held->state = kDropped; }
    if ((held->state == kFinished || held->state == kFailed) && !even_if_done) return;  // Its receipt decides.
    held->cancelled = true;
    if (held->state == kRunning && then != "nothing") { held->then = then; return; }
    held_.erase(held->key());
    if (then == "ended") tell_of(held->key(), "ended");
  }

  void release(const HeldPtr& held, const string& why) {
    held->then = why;
    held->cancelled = true;
    json header = held->proof();
    header.update({{"op", "release"}, {"why", why}});
    tell(header);
  }

  void release_queued() {
    for (auto& [key, held] : held_) {
      { std::lock_guard lock(mutex_); if (held->state != kQueued || held->cancelled.exchange(true)) continue; }
      release(held, "drain");
    }
  }

  void deliver(const HeldPtr& held) {
    if (!is_welcome_) return;  // The next welcome asks for it.
    if (!held->failure && held->result.size() > body_bytes_max_) return upload(held);
    json header = held->proof();
    asked_[++last_id_] = held->key();
    header["id"] = last_id_;
    if (held->failure) {
      const JobFailed& failure = *held->failure;
      header.update({{"op", "fail"}, {"info", failure.what()}, {"retryable", failure.retryable}});
      if (failure.exit_code != 0) header["exit_code"] = failure.exit_code;
      const string& logs = failure.logs;
      return out_.push_back(pack(header, logs.substr(logs.size() - std::min(logs.size(), body_bytes_max_))));
    }
    header.update({{"op", "result"}, {"sha256", sha256(held->result)}, {"size", held->result.size()}});
    out_.push_back(pack(header, held->result));
  }

  void upload(const HeldPtr& held) {
    if (held->is_uploading) return;
    held->is_uploading = true;
    std::thread([this, held] { put(held); }).detach();
  }

  void tick() {
    auto now = Clock::now();
    if (stop_asked && !has_told_stop_) { has_told_stop_ = true; tell({{"op", "ready"}, {"window", 0}}); }
    if (now >= beat_at_) beat();
    for (auto& [key, held] : held_) {
      if (held->state != kRunning || !held->then.empty()) continue;
      if (now >= held->deadline) held->then = "timeout";
      else if (now >= drain_at_) held->then = "drain";
      else continue;
      held->cancelled = true;
    }
    for (auto it = retries_.begin(); it != retries_.end();) {
      if (now < it->second) { ++it; continue; }
      auto found = held_.find(it->first);
      it = retries_.erase(it);
      if (found == held_.end()) continue;
      if (found->second->state == kQueued) release(found->second, found->second->then);
      else deliver(found->second);
    }
  }

  void beat() {
    beat_at_ = after(heartbeat_s_);
    json holding = json::array();
    auto tell_them = [&] { tell({{"op", "beat"}, {"holding", std::move(holding)}}); holding = json::array(); };
    for (auto& [key, held] : held_) {
      if (held->state == kQueued || held->state == kRunning) holding.push_back({key.first, key.second, kStateNames[held->state]});
      if (holding.size() == kHoldingPerBeat) tell_them();
    }
    tell_them();
  }

  void tell(const json& header) { if (is_welcome_) out_.push_back(pack(header)); }
  void tell_of(const Key& key, const char* op) { tell({{"op", op}, {"job", key.first}, {"attempt", key.second}}); }

  // Small messages share frames.
  void flush() {
    string frame;
    size_t count = 0;
    for (const string& message : out_) {
      if (count == kFrameMessagesMax || frame.size() + message.size() > kFrameBytesMax) { socket_->send(frame); frame.clear(); count = 0; }
      frame += message;
      count++;
    }
    if (count > 0) socket_->send(frame);
    out_.clear();
  }

  static Clock::time_point after(double seconds) { return Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(seconds)); }

  // What runs in other threads.

  void serve() {
    for (;;) {
      HeldPtr held;
      {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [this] { return !todo_.empty() || !todo_first_.empty(); });
        auto& queue = todo_first_.empty() ? todo_ : todo_first_;
        held = queue.front();
        queue.pop_front();
        if (held->state != kQueued || held->cancelled) continue;
        held->state = kRunning;
      }
      post([=] { started(held); });
      string result;
      std::shared_ptr<JobFailed> failure;
      try {
        if (!fetch(*held)) { post([=] { if (is_held(held)) { held_.erase(held->key()); tell_of(held->key(), "ended"); } }); continue; }
        result = work_(held->payload, held->cancelled);
      } catch (const JobFailed& failed) { failure = std::make_shared<JobFailed>(failed); }
      catch (const std::exception& problem) { failure = std::make_shared<JobFailed>(problem.what()); }
      post([=] {
        held->result = result;
        if (failure) held->failure = std::make_unique<JobFailed>(*failure);
        ended(held);
      });
      say(held->header.value("key", "") + (failure ? ": failed" : ": finished"));
    }
  }

  void rest(const Held& held, double seconds) {
    for (auto until = after(seconds); Clock::now() < until && !held.cancelled;) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  // Makes the payload whole and checks it; false if the server has given the attempt up.
  bool fetch(Held& held) {
    const string wanted = held.header["sha256"], own = held.path("payload");
    string url = held.header.value("url", "");
    if (url.empty() && sha256(held.payload) == wanted) return true;
    if (url.empty()) url = own;
    for (int tries = 0; !held.cancelled; tries++) {
      try {
        Answer answer = call(at_, options_.trust, "GET", url, held.header["token"]);
        bool is_right = answer.status == 200 && sha256(answer.body) == wanted;
        if (is_right) { held.payload = std::move(answer.body); return true; }
        bool is_gone = answer.status == 403 || answer.status == 404;
        if (is_gone && url == own) return false;
        if (answer.status == 200 && url == own) throw JobFailed("The payload that came does not fit its SHA-256.");
        if (is_gone || answer.status == 200) { url = own; continue; }
        say("Payload: " + std::to_string(answer.status));
      } catch (const Broken& broken) { say(broken.what()); }
      rest(held, jitter(tries));
    }
    throw JobFailed("It was ended before its payload was there.");
  }

  void put(const HeldPtr& held) {
    for (int tries = 0; !held->cancelled; tries++) {
      try {
        Answer answer = call(at_, options_.trust, "PUT", held->path("result"), held->header["token"], held->result);
        if (answer.status == 200 || answer.status == 403 || answer.status == 404) return post([=] { if (is_held(held)) held_.erase(held->key()); });
        say("Result: " + std::to_string(answer.status) + " " + answer.body.substr(0, 500));
        if (answer.status == 413) return post([=] {
          held->is_uploading = false;
          held->failure = std::make_unique<JobFailed>("The result is too large.", "", false);
          ended(held);
        });
      } catch (const std::exception& broken) { say(broken.what()); }
      rest(*held, jitter(tries));
    }
  }

  Options options_;
  Address at_;
  Work work_;
  string worker_id_, boot_id_ = random_hex(16);
  std::map<Key, HeldPtr> held_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<HeldPtr> todo_, todo_first_;
  std::deque<std::function<void()>> events_;
  std::unique_ptr<Socket> socket_;
  std::vector<string> out_;
  std::map<Key, Clock::time_point> retries_;
  std::map<long, Key> asked_;
  long last_id_ = 0;
  bool is_welcome_ = false, is_draining_ = false, has_told_stop_ = false, has_seen_stop_ = false;
  double heartbeat_s_ = 10, retry_after_s_ = 0;
  size_t body_bytes_max_ = 64 * 1024;
  Clock::time_point beat_at_, drain_at_ = Clock::time_point::max();
};

// -- The program --------------------------------------------------------------------------------------------

// What this example does for a job, unless it is given a command: capitals.
string upper(const string& payload, const std::atomic<bool>&) {
  string result = payload;
  for (char& c : result) if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
  return result;
}

// Runs a command: payload on its stdin, result from its stdout, logs from its stderr.
string run_command(const std::vector<string>& command, const string& payload, const std::atomic<bool>& cancelled) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) throw JobFailed("There are no pipes left.");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  int failed = posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  for (int fd : {in[0], out[1], err[1]}) ::close(fd);
  string result, logs;
  size_t sent = 0;
  Clock::time_point kill_at = Clock::time_point::max();
  bool was_asked = false;
  if (failed) for (int fd : {in[1], out[0], err[0]}) ::close(fd);
  if (failed) throw JobFailed("The command cannot be started: " + string(std::strerror(failed)));
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  pollfd ends[] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}, {in[1], POLLOUT, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (sent == payload.size() && ends[2].fd >= 0) { ::close(in[1]); ends[2].fd = -1; }
    poll(ends, 3, 100);
    if (cancelled && !was_asked) { was_asked = true; kill(-pid, SIGTERM); kill_at = Clock::now() + std::chrono::seconds(5); }
    if (Clock::now() > kill_at) kill(-pid, SIGKILL);
    for (int i : {0, 1}) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      char piece[65536];
      ssize_t size = ::read(ends[i].fd, piece, sizeof piece);
      if (size > 0) (i == 0 ? result : logs).append(piece, size_t(size));
      else { ::close(ends[i].fd); ends[i].fd = -1; }
    }
    if (ends[2].fd < 0 || ends[2].revents == 0) continue;
    ssize_t size = ::write(in[1], payload.data() + sent, payload.size() - sent);
    if (size > 0) sent += size_t(size);
    else if (errno != EAGAIN) sent = payload.size();  // It reads no more of it.
  }
  if (ends[2].fd >= 0) ::close(in[1]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) throw JobFailed("The command ended with signal " + std::to_string(WTERMSIG(status)) + ".", logs);
  int code = WEXITSTATUS(status);
  if (code != 0) throw JobFailed("The command ended with exit code " + std::to_string(code) + ".", logs, code != 86, code);
  return result;
}

int main(int count, char** words) {
  const string usage = "usage: gridlike-worker --url wss://HOST:PORT/api/worker [--pin sha256:HEX | --ca-file FILE] [--name NAME]\n"
      "         [--id-file FILE] [--slots N] [--window N] [--type TYPE]... [-- COMMAND...]\n"
      "The token is in the environment's GRIDLIKE_WORKER_TOKEN.\n";
  char host[256] = "worker";
  gethostname(host, sizeof host - 1);
  const char* home = getenv("HOME");
  Options options{"", "", host, string(home ? home : ".") + "/.gridlike-cpp-worker-id", {}, int(std::max(1u, std::thread::hardware_concurrency())), 0, {}};
  std::vector<string> command;
  int at = 1;
  for (; at < count && string(words[at]) != "--"; at += 2) {
    string option = words[at], value = at + 1 < count ? words[at + 1] : "";
    if (option == "--url") options.url = value;
    else if (option == "--pin") options.trust.pin = value;
    else if (option == "--ca-file") options.trust.ca_file = value;
    else if (option == "--name") options.name = value;
    else if (option == "--id-file") options.id_file = value;
    else if (option == "--slots") options.slots = std::max(1, std::atoi(value.c_str()));
    else if (option == "--window") options.window = std::atoi(value.c_str());
    else if (option == "--type") options.types.push_back(value);
    else { std::cerr << usage; return 2; }
  }
  for (at++; at < count; at++) command.push_back(words[at]);
  if (const char* token = getenv("GRIDLIKE_WORKER_TOKEN")) options.token = token;
  unsetenv("GRIDLIKE_WORKER_TOKEN");  // Commands have no business with it.
  if (options.url.empty() || options.token.empty()) { std::cerr << usage; return 2; }
  if (options.window <= 0) options.window = options.slots * 2;
  string& pin = options.trust.pin;
  if (pin.rfind("sha256:", 0) == 0) pin.erase(0, 7);
  pin.erase(std::remove(pin.begin(), pin.end(), ':'), pin.end());
  std::transform(pin.begin(), pin.end(), pin.begin(), ::tolower);
  if (!pin.empty() && (pin.size() != 64 || options.url.rfind("wss:", 0) != 0)) { std::cerr << "A pin is sha256: and 64 hex digits, for a wss:// address.\n"; return 2; }
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK)) return 1;
  signal(SIGPIPE, SIG_IGN);
  for (int one : {SIGINT, SIGTERM}) signal(one, [](int) { if (stop_asked.exchange(true)) _exit(1); wake(); });
  int code = 0;
  try {
    Work work = upper;
    if (!command.empty()) work = [command](const string& payload, const std::atomic<bool>& cancelled) { return run_command(command, payload, cancelled); };
    // Never destroyed: its threads may still run a job that nobody waits for.
    (new Worker(options, work))->run();
  } catch (const Refused& refused) { say(refused.what()); code = 4; }
  std::cerr.flush();
  _exit(code);
}
