#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pages/docs.h"
#include "testing/scratch.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

TEST(DocsLinks, AnAnchorIsTheHeadingAsGitHubWritesIt) {
  EXPECT_EQ(heading_anchor("What it costs"), "what-it-costs");
  EXPECT_EQ(heading_anchor("00 — Standard attention"), "00--standard-attention");
  EXPECT_EQ(heading_anchor("9 Bytes, and the IO theorem"), "9-bytes-and-the-io-theorem");
  EXPECT_EQ(heading_anchor("`exp_difference` and *m*"), "exp_difference-and-m");
  EXPECT_EQ(heading_anchor("The [ring](x.md#y) of K/V"), "the-ring-of-kv");
  EXPECT_EQ(heading_anchor("Why 1/√d, and N² ≤ τ"), "why-1d-and-n--τ");
  EXPECT_EQ(heading_anchor("Q Kᵀ 注意力（一）"), "q-kᵀ-注意力一");
}

class Pages : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root / "docs");
    write("README.md", "# Top\n\n## Here\n## Here\n<a id=\"spot\"></a>A spot.\n");
    write("docs/code.h", "int x;\n");
  }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream(root / path) << text;
  }
  std::size_t broken(const std::string& text) const {
    write("docs/page.md", text);
    return broken_links(root, "docs/page.md").size();
  }

  const Scratch scratch;
  const fs::path& root = scratch.path();
};

TEST_F(Pages, LinksThatLeadSomewhere) {
  EXPECT_EQ(broken("[a](../README.md) [b](../README.md#here) [c](../README.md#here-1)\n"), 0u);
  EXPECT_EQ(broken("[a](../README.md#spot) [b](..#top) [c](code.h#L1)\n"), 0u);
  EXPECT_EQ(broken("# One\n[a](#one) [b](https://example.org/#x) [c](mailto:a@b)\n"), 0u);
}

TEST_F(Pages, LinksThatDoNot) {
  EXPECT_EQ(broken("[a](missing.md)\n"), 1u);
  EXPECT_EQ(broken("[a](../README.md#there) and [b](#one)\n"), 2u);
  EXPECT_EQ(broken("[a](../README.md#here-2)\n"), 1u);
  EXPECT_EQ(broken("<img src=\"missing.svg\">\n"), 1u);
  EXPECT_EQ(broken("[![a](missing.svg)](code.h)\n"), 1u);
}

TEST_F(Pages, CodeHasNoLinks) {
  EXPECT_EQ(broken("`[a](missing.md)`\n\n    [a](missing.md)\n\n```\n[a](missing.md)\n```\n"), 0u);
  EXPECT_EQ(broken("```\n# One\n```\n[a](#one)\n"), 1u);
}

TEST_F(Pages, ABrokenLinkIsNamedWithItsLine) {
  write("docs/page.md", "# One\n\n[a](missing.md)\n");
  const std::vector<std::string> links = broken_links(root, "docs/page.md");
  ASSERT_EQ(links.size(), 1u);
  EXPECT_EQ(links[0], "docs/page.md:3: missing.md leads to no file");
}

TEST_F(Pages, AreFoundWhereverTheyLie) {
  write("docs/page.md", "");
  fs::create_directories(root / "build/x");
  write("build/x/page.md", "");
  EXPECT_EQ(all_pages(root), (std::vector<std::string>{"README.md", "docs/page.md"}));
}

TEST(DocsReading, CountsProseAndExamples) {
  const Reading reading = reading_of(
      "# Two words\n\n    code is not counted\n\n    nor this\n\nThree [more "
      "words](and/no#address), "
      "0.5 = x.\n\n<!-- generated: worked three_tiles -->\nnot these\n<!-- end -->\n"
      "```\nnor these\n```\n");
  EXPECT_EQ(reading.words, 7);
  EXPECT_EQ(reading.examples, 3);
  EXPECT_EQ((Reading{.words = 1300, .examples = 2}.minutes()), 12);
}

}  // namespace
}  // namespace flash
