#include "train/markup.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "support/markup.h"

namespace fornax::train {
namespace {

std::string base64_of(const std::string& text) { return base64(std::as_bytes(std::span(text))); }

TEST(Markup, EscapesWhatHasAMeaning) {
  EXPECT_EQ(escaped("a<b> & \"c\"\n"), "a&lt;b&gt; &amp; &quot;c&quot;\n");
}

TEST(Markup, KeepsUtf8AndReplacesOtherBytes) {
  EXPECT_EQ(escaped("Käse 猫 ✓"), "Käse 猫 ✓");
  EXPECT_EQ(escaped("a\xff<\xc3"), "a\xef\xbf\xbd&lt;\xef\xbf\xbd");
  EXPECT_EQ(escaped(std::string("a\0\x1b"
                                "b",
                                4)),
            "ab");
}

// The test vectors of RFC 4648.
TEST(Markup, EncodesBytesInBase64) {
  const std::string all = "foobar";
  const char* const expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t size = 0; size <= all.size(); ++size)
    EXPECT_EQ(base64_of(all.substr(0, size)), expected[size]);
  EXPECT_EQ(base64_of("\xff\xef\xbe"), "/+++");
}

TEST(MarkupError, FindsWhatIsNoXml) {
  using test::markup_error;
  EXPECT_EQ(markup_error("<!DOCTYPE html><a b=\"1\" c=\"&lt;>\">x &amp; <d/><e></e></a>\n"), "");
  for (const char* text :
       {"<a>", "<a></b>", "</a>", "<a/><b/>", "", "<a>&</a>", "<a>&nbsp;</a>", "<a b></a>", "<a b=1></a>",
        "<a b=\"<\"></a>", "<a b=\"\" b=\"\"></a>", "<a", "<a b=\"", "<a><br></a>"})
    EXPECT_NE(markup_error(text), "") << text;
}

}  // namespace
}  // namespace fornax::train
