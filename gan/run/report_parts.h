// Pieces of the page that gan/run/report.cpp puts together.
#pragma once
#include <string>

#include "weft/gan/report.h"

namespace weft::gan {

std::string chart_html(const Chart& chart);

extern const char* const page_style;
extern const char* const page_script;

}  // namespace weft::gan
