#include "regrid/regrid_files.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "io/field_file.h"
#include "io/reader.h"
#include "io/vector_pairs.h"
#include "regrid/apply.h"
#include "regrid/vector.h"

namespace pear::regrid {
namespace {

namespace fs = std::filesystem;
constexpr const char* kWhere = "regrid.files";

std::string describe(const io::FieldInfo& f) {
  return fmt::format("{} at {}{} of {}", f.name, to_string(f.level),
                     f.has_time ? ", " + format_time(f.valid_time) : std::string(), f.source);
}

bool same_place(const io::FieldInfo& a, const io::FieldInfo& b) {
  return a.level == b.level && a.init_time == b.init_time && a.valid_time == b.valid_time && a.member == b.member &&
         *a.grid == *b.grid;
}

/// Position of the other component of a vector field; empty if there is none in the file.
std::optional<size_t> find_partner(const std::vector<io::FieldInfo>& fields, size_t i) {
  const auto name = io::vector_partner(fields[i].name);
  if (name.empty()) return std::nullopt;
  for (size_t k = 0; k < fields.size(); ++k)
    if (fields[k].name == name && same_place(fields[k], fields[i])) return k;
  return std::nullopt;
}

struct Moments {
  double mean = 0;
  int64_t missing = 0;
};

Moments moments(std::span<const float> values, const std::vector<double>& areas) {
  Moments m;
  double sum = 0, weight = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      ++m.missing;
      continue;
    }
    sum += static_cast<double>(values[i]) * areas[i];
    weight += areas[i];
  }
  m.mean = weight > 0 ? sum / weight : std::nan("");
  return m;
}

class FileRegridder {
 public:
  explicit FileRegridder(const RegridRequest& request)
      : request_(request),
        method_(method_from_string(request.config.method)),
        cache_(request.config.weights.empty() ? default_weight_folder() : fs::path(request.config.weights.str())),
        target_(std::make_shared<const sphere::Grid>(request.target)),
        target_areas_(request.target.areas_sr()) {
    if (request.config.missing != "error") options_.missing = missing_policy_from_string(request.config.missing);
    options_.valid_fraction = request.config.valid_fraction;
    options_.normalisation =
        request.config.normalisation == "destarea" ? Normalisation::DestArea : Normalisation::FracArea;
  }

  void add(const fs::path& input) {
    io::ReadOptions options;
    options.skip_bad = request_.config.skip_bad;
    options.allow_suspect_units = request_.config.allow_suspect_units;
    options.expver = request_.config.expver;
    const auto reader = io::open_fields(input, options);
    const auto& fields = reader->fields();
    Progress progress("regrid " + input.filename().string(), static_cast<int64_t>(fields.size()));
    std::set<size_t> done;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (done.contains(i)) continue;
      const auto partner = find_partner(fields, i);
      if (partner && !done.contains(*partner)) {
        vector(*reader, io::is_eastward(fields[i].name) ? i : *partner, io::is_eastward(fields[i].name) ? *partner : i);
        done.insert(*partner);
      } else {
        scalar(*reader, i);
      }
      done.insert(i);
      progress.update(static_cast<int64_t>(done.size()));
    }
    progress.finish();
    for (const auto& problem : reader->problems()) report_.problems.push_back(input.string() + ": " + problem);
  }

  RegridReport finish() {
    if (fields_.empty())
      throw DataError("MissingVariable", kWhere, {.what = "no field in the input files", .expected = "at least one"});
    auto provenance = provenance_base();
    provenance["regrid"] = {{"method", request_.config.method}, {"grid", request_.target.spec()}};
    io::write_fields(request_.output, fields_, provenance.dump());
    report_.num_fields = static_cast<int64_t>(fields_.size());
    report_.json = {{"output", request_.output.string()},
                    {"grid", request_.target.spec()},
                    {"method", request_.config.method},
                    {"weights", grids_},
                    {"fields", rows_},
                    {"problems", report_.problems}};
    return report_;
  }

 private:
  std::shared_ptr<const Weights> weights_from(const io::FieldInfo& field) {
    const auto w = cache_.get(*field.grid, *target_, method_);
    const std::string spec = field.grid->spec();
    if (!grids_.contains(spec)) {
      log_info("{} -> {} by {}: {} links", spec, target_->spec(), request_.config.method, w->num_links());
      grids_[spec] = w->check().json();
      report_.source_grids.push_back(spec);
    }
    return w;
  }

  io::Field empty_like(const io::FieldInfo& from) const {
    io::Field out;
    static_cast<io::FieldInfo&>(out) = from;
    out.grid = target_;
    if (method_ == Method::Conservative) out.kind = io::ValueKind::Mean;
    out.values = Array<float>({target_->num_cells()});
    return out;
  }

  void scalar(io::FieldReader& reader, size_t i) {
    const auto& info = reader.fields()[i];
    if (const auto other = io::vector_partner(info.name); !other.empty() && method_ == Method::Conservative)
      throw DataError("UnpairedVector", kWhere,
                      {.what = describe(info),
                       .expected = fmt::format("its other component {} in the same file", other),
                       .hint = "one wind component alone cannot be averaged over cells near the poles; put both into "
                               "one file or use method=bilinear"});
    const auto w = weights_from(info);
    const io::Field in = reader.read(i);
    io::Field out = empty_like(in);
    apply_weights(*w, in.values.span(), out.values.span(), 1, options_);
    keep(in, std::move(out));
  }

  void vector(io::FieldReader& reader, size_t east, size_t north) {
    const auto w = weights_from(reader.fields()[east]);
    const io::Field u = reader.read(east), v = reader.read(north);
    io::Field u_out = empty_like(u), v_out = empty_like(v);
    apply_vector(*w, u.values.span(), v.values.span(), u_out.values.span(), v_out.values.span(), 1, options_);
    keep(u, std::move(u_out));
    keep(v, std::move(v_out));
  }

  void keep(const io::Field& in, io::Field out) {
    const std::string spec = in.grid->spec();
    if (!source_areas_.contains(spec)) source_areas_[spec] = in.grid->areas_sr();
    const Moments before = moments(in.values.span(), source_areas_.at(spec));
    const Moments after = moments(out.values.span(), target_areas_);
    rows_.push_back({{"name", in.name},
                     {"level", to_string(in.level)},
                     {"units", in.units},
                     {"grid", spec},
                     {"mean_before", before.mean},
                     {"mean_after", after.mean},
                     {"missing_before", before.missing},
                     {"missing_after", after.missing}});
    fields_.push_back(std::move(out));
  }

  const RegridRequest& request_;
  Method method_;
  ApplyOptions options_;
  WeightCache cache_;
  std::shared_ptr<const sphere::Grid> target_;
  std::vector<double> target_areas_;
  std::map<std::string, std::vector<double>> source_areas_;
  std::vector<io::Field> fields_;
  nlohmann::json grids_ = nlohmann::json::object(), rows_ = nlohmann::json::array();
  RegridReport report_;
};

}  // namespace

RegridReport regrid_files(const RegridRequest& request) {
  if (fs::exists(request.output) && !request.config.overwrite)
    throw DataError("OutputExists", kWhere,
                    {.what = "output " + request.output.string() + " exists",
                     .hint = "remove it, choose another name, or add regrid.overwrite=true"});
  for (const auto& input : request.inputs)
    if (fs::exists(input) && fs::exists(request.output) && fs::equivalent(input, request.output))
      throw DataError("OutputExists", kWhere, {.what = "output " + request.output.string() + " is one of the inputs"});
  FileRegridder regridder(request);
  for (const auto& input : request.inputs) regridder.add(input);
  return regridder.finish();
}

}  // namespace pear::regrid
