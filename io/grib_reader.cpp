#include "io/grib_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "io/grib_grid.h"
#include "io/grib_index.h"
#include "io/units_check.h"

namespace pear::io {

namespace {

std::string place(const std::filesystem::path& path, const GribField& f) {
  return fmt::format("{}, message {} at byte {}{}", path.string(), f.message, f.offset,
                     f.field > 0 ? fmt::format(", field {}", f.field) : "");
}

LevelType level_type(const std::string& name) {
  if (name == "isobaricInhPa" || name == "isobaricInPa") return LevelType::Pressure;
  if (name == "surface") return LevelType::Surface;
  if (name == "heightAboveGround") return LevelType::HeightAboveGround;
  if (name == "meanSea") return LevelType::MeanSea;
  return LevelType::Other;
}

Level level_of(const GribHandle& h) {
  const std::string name = h.find_text("typeOfLevel").value_or("unknown");
  Level level{level_type(name), 0};
  if (level.type == LevelType::Surface || level.type == LevelType::MeanSea) return level;
  level.value = h.real("level");
  if (name == "isobaricInPa") level.value /= 100.0;
  return level;
}

/// Seconds of one step unit: GRIB1 table 4 and GRIB2 table 4.4 agree up to 12.
int64_t unit_seconds(const GribHandle& h, long unit) {
  switch (unit) {
    case 0:
      return 60;
    case 1:
      return 3600;
    case 2:
      return 86400;
    case 10:
      return 3 * 3600;
    case 11:
      return 6 * 3600;
    case 12:
      return 12 * 3600;
    case 13:
      return h.number("edition") == 2 ? 1 : 900;
    case 14:
      return 1800;
    case 254:
      return 1;
    default:
      break;
  }
  throw DataError("BadMessage", "io.grib",
                  {.what = h.where() + ": unit of the step",
                   .expected = "minutes, hours, days or seconds",
                   .found = fmt::format("unit {}", unit)});
}

/// GRIB1 steps that ecCodes does not express in whole hours, from their own octets (code table 5).
Duration grib1_step(const GribHandle& h) {
  const long range = h.number("timeRangeIndicator");
  if (range != 0 && range != 1 && range != 10 && !(range >= 2 && range <= 5))
    throw DataError("BadMessage", "io.grib",
                    {.what = h.where() + ": step",
                     .expected = "time range 0 to 5 or 10",
                     .found = fmt::format("time range {}", range)});
  const long count = range == 1 ? 0 : h.number(range >= 2 && range <= 5 ? "P2" : "P1");
  return {count * unit_seconds(h, h.number("unitOfTimeRange"))};
}

/// End of the step: GRIB keeps the unit per message, and ecCodes changes it to what it finds handy.
Duration step_of(const GribHandle& h) {
  const auto text = h.find_text("endStep");
  if (!text && h.number("edition") == 1) return grib1_step(h);
  size_t used = 0;
  int64_t count = 0;
  try {
    count = std::stoll(text.value_or("absent"), &used);
  } catch (const std::exception&) {
    throw DataError("BadMessage", "io.grib",
                    {.what = h.where() + ": step", .expected = "a number", .found = text.value_or("none")});
  }
  const std::string suffix = text->substr(used);
  if (suffix == "s") return {count};
  if (suffix == "m") return {count * 60};
  if (suffix == "h") return {count * 3600};
  return {count * unit_seconds(h, h.find_number("stepUnits").value_or(1))};
}

void set_times(const GribHandle& h, FieldInfo& info) {
  const long date = h.number("dataDate"), time = h.number("dataTime");
  CivilTime civil{date / 10000,
                  static_cast<int>(date / 100 % 100),
                  static_cast<int>(date % 100),
                  static_cast<int>(time / 100),
                  static_cast<int>(time % 100),
                  0};
  civil.second = static_cast<int>(h.find_number("second").value_or(0));
  try {
    info.init_time = time_from_civil(civil);
  } catch (const ConfigError& e) {
    throw DataError("BadMessage", "io.grib", {.what = h.where() + ": date", .found = e.detail().what});
  }
  info.valid_time = info.init_time + step_of(h);
}

struct Entry {
  FieldInfo info;
  GribField location;
  std::shared_ptr<const GribOrder> order;
  const VariableEntry* variable = nullptr;
  std::string file_units;
};

class GribReader : public FieldReader {
 public:
  GribReader(const std::filesystem::path& path, const ReadOptions& options) : path_(path), options_(options) {
    GribIndex index = index_grib(path, options.skip_bad);
    problems_ = std::move(index.problems);
    if (index.junk_bytes > 0 && !index.fields.empty()) junk_ = index.junk_bytes;
    for (const GribField& location : index.fields) {
      try {
        add(location);
      } catch (const DataError& e) {
        if (!options.skip_bad) throw;
        problems_.push_back(e.code() + " " + e.what());
      }
    }
    if (junk_ > 0) problems_.push_back(fmt::format("{}: {} bytes between messages skipped", path.string(), junk_));
  }

  const std::vector<FieldInfo>& fields() const override { return infos_; }
  std::string format() const override {
    return entries_.empty() ? "grib" : fmt::format("grib{}", entries_.front().location.edition);
  }
  std::vector<std::string> problems() const override { return problems_; }

  Field read(size_t index) override {
    const Entry& e = entries_.at(index);
    GribHandle h(grib_bytes(path_, e.location), place(path_, e.location));
    const std::vector<double> decoded = h.values(stored_count(*e.order));
    Conversion convert;
    if (e.variable) convert = canonical_conversion(*e.variable, e.file_units, false, h.where());
    std::vector<float> stored(decoded.size());
    for (size_t i = 0; i < decoded.size(); ++i)
      stored[i] = static_cast<float>(convert.is_identity() ? decoded[i] : convert(decoded[i]));
    Field field;
    static_cast<FieldInfo&>(field) = e.info;
    field.values = Array<float>({e.info.grid->num_cells()});
    canonical_values(*e.order, stored, field.values.span(), h.where());
    if (e.variable && !options_.allow_suspect_units) {
      check_plausible(*e.variable, field, field.values.span());
      if (const auto judge = is_column_judged_ ? std::nullopt : field_that_judges(infos_, index)) {
        read(*judge);
        is_column_judged_ = true;
      }
    }
    return field;
  }

 private:
  void add(const GribField& location) {
    const GribHandle h(grib_bytes(path_, location), place(path_, location));
    Entry e;
    e.location = location;
    e.order = order_for(h);
    e.info.grid = e.order->grid;
    e.info.level = level_of(h);
    e.info.source = h.where();
    set_times(h, e.info);
    e.info.member = static_cast<int>(h.find_number("number").value_or(0));
    e.info.kind = h.find_text("stepType").value_or("instant") == "avg" ? ValueKind::Mean : ValueKind::Point;
    e.file_units = h.find_text("units").value_or("");
    e.variable = find_param(static_cast<int>(h.find_number("paramId").value_or(0)), e.info.level.type);
    if (e.variable) {
      e.info.name = e.variable->name;
      e.info.units = e.variable->units;
      if (!e.variable->is_upper()) e.info.level = e.variable->level;
    } else {
      e.info.name = h.find_text("shortName").value_or("unknown");
      e.info.units = normalise_units(e.file_units);
    }
    infos_.push_back(e.info);
    entries_.push_back(std::move(e));
  }

  std::shared_ptr<const GribOrder> order_for(const GribHandle& h) {
    const std::string key = grib_grid_key(h);
    if (const auto it = orders_.find(key); it != orders_.end() && !key.empty()) return it->second;
    return orders_[key] = std::make_shared<const GribOrder>(grib_order(h));
  }

  std::filesystem::path path_;
  ReadOptions options_;
  std::vector<FieldInfo> infos_;
  std::vector<Entry> entries_;
  std::vector<std::string> problems_;
  bool is_column_judged_ = false;  ///< z of one time stands for the file
  std::map<std::string, std::shared_ptr<const GribOrder>> orders_;
  uint64_t junk_ = 0;
};

}  // namespace

std::unique_ptr<FieldReader> open_grib(const std::filesystem::path& path, const ReadOptions& options) {
  return std::make_unique<GribReader>(path, options);
}

std::vector<StoredField> read_grib_stored(const std::filesystem::path& path, const ReadOptions& options) {
  std::vector<StoredField> all;
  for (const GribField& location : index_grib(path, options.skip_bad).fields) {
    GribHandle h(grib_bytes(path, location), place(path, location));
    StoredField f;
    f.short_name = h.find_text("shortName").value_or("");
    f.level_type = h.find_text("typeOfLevel").value_or("");
    f.grid_type = h.find_text("gridType").value_or("");
    f.level = static_cast<double>(h.find_number("level").value_or(0));
    f.date = static_cast<int>(h.number("dataDate"));
    f.time = static_cast<int>(h.number("dataTime"));
    f.values = h.values();
    all.push_back(std::move(f));
  }
  return all;
}

}  // namespace pear::io
