// What each address of the studio does.
#pragma once
#include "cloth.h"
#include "dress.h"
#include "garments.h"
#include "http.h"
#include "runs.h"

namespace weft::apps::studio {

class Studio {
 public:
  Studio(const std::string& token, const std::filesystem::path& out, const std::filesystem::path& runs, const std::string& device, int threads);
  Response answer(const Request& request);
  void end() { jobs_.end(); }

 private:
  Response get(const Request& request);
  Json post(const std::string& path, const Request& request);
  Response job(const Request& request, const std::string& rest);
  std::string begin(const std::string& kind, const Json& asked);

  std::string token_, device_;
  Shelf shelf_;
  Runs runs_;
  Context quick_, slow_;                         // of the two threads that work
  Dresser dresser_;
  Garments garments_;
  Jobs jobs_;                                    // last, so that it ends first
};

}  // namespace weft::apps::studio
