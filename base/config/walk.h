// What every walk over a config tree needs: dotted keys and one function per kind of field.
#pragma once

#include <string>
#include <string_view>

namespace pear {

/// For std::visit: a set of lambdas as one function.
template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;  // Clang before 17 does not deduce it by itself

/// "train" and "lr" -> "train.lr"; the name alone at the top.
inline std::string join(const std::string& prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : prefix + "." + std::string(name);
}

}  // namespace pear
