// The list of all keys of a config struct, for --help, `inspect --keys` and "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/config/bind.h"

namespace pear {

struct KeyInfo {
  std::string key;           ///< dotted; `[]` for elements of a list of structs, `<name>` for map entries
  std::string type;          ///< "integer", "list of number", "time selection", …
  std::string default_text;  ///< as YAML
  std::string unit;
  std::string doc;
  std::vector<std::string> choices;
};

/// Every leaf key under `root` in order of declaration. The values are the defaults if `root` is fresh.
std::vector<KeyInfo> list_keys(const FieldAccess& root, const std::string& prefix = "");

template <class Config>
std::vector<KeyInfo> list_keys() {
  Config defaults;
  return list_keys(bind_field(defaults));
}

/// What a field holds, in words.
std::string type_name(const FieldAccess& field);

/// The known key that the writer of `wrong` most likely meant (spelling, initials, words of its
/// documentation, the same name elsewhere); empty if none is near.
std::string nearest_key(std::string_view wrong, const std::vector<KeyInfo>& known);

/// The word of `known` nearest to `wrong` by spelling; empty if none is near.
std::string nearest_word(std::string_view wrong, const std::vector<std::string>& known);

}  // namespace pear
