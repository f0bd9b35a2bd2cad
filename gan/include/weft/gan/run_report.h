// RUN/report.html: what a training run did, for a person.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace weft::gan {

struct KnownSetting { std::string key, value, meaning; };   // value: what it is if nobody sets it

/// Reads the run's folder and (over)writes its report.html. A run that was cut off, is still at work, or misses files has one too.
/// @param known    all settings of the program, to tell those that were chosen from those left alone; may be empty
/// @param trouble  why the run ended before its time; empty: it did not
/// Throws DataError if the folder holds no run, IoError if the page cannot be written.
void write_run_report(const std::filesystem::path& run, const std::vector<KnownSetting>& known, const std::string& trouble = {});

}  // namespace weft::gan
