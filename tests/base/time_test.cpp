#include "base/time.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/config/field.h"
#include "base/error.h"

namespace pear {
namespace {

TEST(Time, CivilDatesAgreeWithTheSystemLibrary) {
  for (int64_t seconds = -4'000'000'000; seconds < 6'000'000'000; seconds += 123'456'789) {
    const std::time_t t = seconds;
    std::tm expected{};
    ASSERT_NE(gmtime_r(&t, &expected), nullptr);
    const CivilTime c = civil_from_time({seconds});
    EXPECT_EQ(c.year, expected.tm_year + 1900);
    EXPECT_EQ(c.month, expected.tm_mon + 1);
    EXPECT_EQ(c.day, expected.tm_mday);
    EXPECT_EQ(c.hour, expected.tm_hour);
    EXPECT_EQ(c.minute, expected.tm_min);
    EXPECT_EQ(c.second, expected.tm_sec);
    EXPECT_EQ(day_of_year({seconds}), expected.tm_yday + 1);
    EXPECT_EQ(time_from_civil(c).seconds, seconds);
  }
}

TEST(Time, EverySpellingOfAMomentIsTheSame) {
  const Time noon{1546344000};  // date -u -d 2019-01-01T12 +%s
  for (const char* text : {"2019-01-01T12", "2019-01-01T12Z", "2019-01-01 12:00", "2019-01-01T12:00:00Z", "2019010112",
                           "201901011200", "20190101T12", "20190101T1200"})
    EXPECT_EQ(parse_time(text), noon) << text;
  EXPECT_EQ(parse_time("20190101"), parse_time("2019-01-01"));
  EXPECT_EQ(format_time(noon), "2019-01-01T12:00:00Z");
  EXPECT_EQ(format_time_compact(noon), "20190101T12");
  EXPECT_EQ(format_time_compact(noon + Duration{1800}), "20190101T1230");
}

TEST(Time, DatesThatDoNotExistAreRefused) {
  for (const char* text :
       {"2019-02-29", "2019-13-01", "2019-00-10", "2019-01-01T24", "2019-01-01T12:60", "2019-1-1", "20190230",
        "yesterday", "", "2019", "2019-01-01T", "2019-01-01T1", "2019-01-01X12", "2019-01-01T12:30:15:00"})
    try {
      parse_time(text);
      ADD_FAILURE() << text;
    } catch (const ConfigError& e) {
      EXPECT_EQ(e.code(), "BadTime");
    }
  EXPECT_NO_THROW(parse_time("2020-02-29"));
  EXPECT_THROW(parse_time("1900-02-29"), ConfigError);
}

TEST(Duration, SuffixesAndBareHours) {
  EXPECT_EQ(parse_duration("10d").seconds, 864000);
  EXPECT_EQ(parse_duration("6h").seconds, 21600);
  EXPECT_EQ(parse_duration("90min").seconds, 5400);
  EXPECT_EQ(parse_duration("30s").seconds, 30);
  EXPECT_EQ(parse_duration("24").seconds, 86400);
  for (const char* text : {"", "h", "6 h", "1.5h", "6m", "6hours", "six"})
    EXPECT_THROW(parse_duration(text), ConfigError) << text;
}

TEST(Duration, BeyondTenThousandYearsIsRefusedInsteadOfWrapping) {
  EXPECT_EQ(parse_duration("3660000d").seconds, 3660000 * int64_t{86400});
  for (const char* text : {"3660001d", "-3660001d", "7777777777740190100", "-9223372036854775808d", "213503982334602d",
                           "9223372036854775807s"})
    EXPECT_THROW(parse_duration(text), ConfigError) << text;
}

TEST(Duration, TextIsTheShortestExactForm) {
  EXPECT_EQ(format_duration({864000}), "10d");
  EXPECT_EQ(format_duration(hours(30)), "30h");
  EXPECT_EQ(format_duration({5400}), "90min");
  EXPECT_EQ(format_duration({61}), "61s");
  EXPECT_EQ(format_duration({0}), "0h");
  for (int64_t s : {1, 59, 60, 3600, 7200, 86400, 90000, -3600})
    EXPECT_EQ(parse_duration(format_duration({s})).seconds, s);
}

TEST(Period, HoldsBothEnds) {
  // PEAR's training period: 2007-01-01 .. 2017-12-31 daily are 11 years with 3 leap days.
  const Period p{parse_time("2007-01-01"), parse_time("2017-12-31"), hours(24)};
  EXPECT_EQ(p.times().size(), 11u * 365 + 3);
  EXPECT_EQ(p.times().back(), p.end);
}

TEST(Period, BackwardOrWithoutStepIsRefused) {
  const Time a = parse_time("2019-01-01"), b = parse_time("2019-01-02");
  EXPECT_THROW((Period{b, a, hours(1)}).times(), ConfigError);
  EXPECT_THROW((Period{a, b, hours(0)}).times(), ConfigError);
}

TEST(Period, OfMoreTimesThanMemoryHoldsIsRefused) {
  EXPECT_THROW((Period{parse_time("0000-01-01"), parse_time("9999-12-31"), {1}}).times(), ConfigError);
}

TEST(TimeSelection, ListIsSortedAndUnique) {
  TimeSelection s;
  EXPECT_TRUE(s.empty());
  s.list = {{7200}, {0}, {7200}};
  EXPECT_EQ(s.times(), (std::vector<Time>{{0}, {7200}}));
  EXPECT_TRUE(s.contains({7200}));
  EXPECT_FALSE(s.contains({3600}));
}

TEST(TimeSelection, PeriodContainsMomentsBetweenItsSteps) {
  TimeSelection s;
  s.period = Period{{0}, {86400}, hours(24)};
  EXPECT_TRUE(s.contains({3600}));
  EXPECT_FALSE(s.contains({86401}));
}

}  // namespace
}  // namespace pear
