#pragma once

#include <string_view>

/// What fake() picks from. Names are common ones, words ordinary ones; none mean anybody.
namespace tollgate::bloblang::fake_words {

inline constexpr std::string_view kCenturies[] = {
    "I",  "II",  "III",  "IV",  "V",  "VI",  "VII",  "VIII",  "IX", "X",  "XI",
    "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XX", "XXI"};

inline constexpr std::string_view kTimeZones[] = {
    "Africa/Abidjan",       "Africa/Accra",       "Africa/Cairo",      "Africa/Casablanca",
    "Africa/Johannesburg",  "Africa/Lagos",       "Africa/Nairobi",    "Africa/Tunis",
    "America/Anchorage",    "America/Bogota",     "America/Caracas",   "America/Chicago",
    "America/Denver",       "America/Halifax",    "America/Havana",    "America/Lima",
    "America/Los_Angeles",  "America/Mexico_City", "America/Montevideo", "America/New_York",
    "America/Phoenix",      "America/Santiago",   "America/Sao_Paulo", "America/Toronto",
    "Asia/Baghdad",         "Asia/Bangkok",       "Asia/Colombo",      "Asia/Dhaka",
    "Asia/Dubai",           "Asia/Ho_Chi_Minh",   "Asia/Hong_Kong",    "Asia/Jakarta",
    "Asia/Karachi",         "Asia/Kathmandu",     "Asia/Kolkata",      "Asia/Manila",
    "Asia/Seoul",           "Asia/Shanghai",      "Asia/Singapore",    "Asia/Taipei",
    "Asia/Tehran",          "Asia/Tokyo",         "Atlantic/Azores",   "Atlantic/Reykjavik",
    "Australia/Brisbane",   "Australia/Darwin",   "Australia/Perth",   "Australia/Sydney",
    "Europe/Amsterdam",     "Europe/Athens",      "Europe/Berlin",     "Europe/Dublin",
    "Europe/Helsinki",      "Europe/Istanbul",    "Europe/Kyiv",       "Europe/Lisbon",
    "Europe/London",        "Europe/Madrid",      "Europe/Oslo",       "Europe/Paris",
    "Europe/Prague",        "Europe/Rome",        "Europe/Stockholm",  "Europe/Vienna",
    "Europe/Warsaw",        "Europe/Zurich",      "Indian/Mauritius",  "Pacific/Auckland",
    "Pacific/Fiji",         "Pacific/Honolulu"};

inline constexpr std::string_view kTopDomains[] = {"com", "biz", "info", "net", "org", "io"};

inline constexpr std::string_view kWords[] = {
    "above",  "amber",  "arrow",  "autumn", "bakery", "basin",  "beacon", "birch",  "bottle",
    "branch", "bridge", "bright", "bronze", "candle", "canyon", "carpet", "castle", "cedar",
    "chalk",  "cliff",  "clover", "coast",  "copper", "corner", "cotton", "cradle", "crystal",
    "dawn",   "desert", "drift",  "early",  "eastern", "echo",  "ember",  "engine", "evening",
    "fabric", "falcon", "feather", "ferry", "field",  "flint",  "forest", "fountain", "garden",
    "gentle", "ginger", "glass",  "golden", "granite", "gravel", "harbor", "harvest", "hazel",
    "hidden", "hollow", "honey",  "island", "ivory",  "jacket", "kettle", "lantern", "lemon",
    "little", "market", "meadow", "mirror", "morning", "narrow", "needle", "northern", "ocean",
    "orchard", "paper", "pebble", "pepper", "pillow", "planet", "pocket", "quiet",  "rapid",
    "ribbon", "river",  "saddle", "salt",   "sand",   "season", "shadow", "silver", "simple",
    "slow",   "spring", "stone",  "summer", "table",  "thread", "timber", "tower",  "valley",
    "velvet", "village", "violet", "walnut", "water",  "whisper", "willow", "window", "winter"};

inline constexpr std::string_view kCurrencies[] = {
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD",
    "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD",
    "EGP", "ERN", "ETB", "EUR", "FJD", "GBP", "GEL", "GHS", "GMD", "GTQ", "HKD", "HNL", "HTG",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KRW", "KWD",
    "KZT", "LAK", "LBP", "LKR", "MAD", "MDL", "MKD", "MNT", "MUR", "MXN", "MYR", "MZN", "NAD",
    "NGN", "NOK", "NPR", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "SAR", "SEK", "SGD", "THB", "TND", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU",
    "UZS", "VND", "XAF", "XCD", "XOF", "YER", "ZAR", "ZMW"};

inline constexpr std::string_view kTitlesMale[] = {"Mr.", "Dr.", "Prof.", "Lord", "King", "Prince"};
inline constexpr std::string_view kTitlesFemale[] = {"Mrs.", "Ms.",  "Miss",  "Dr.",
                                                     "Prof.", "Lady", "Queen", "Princess"};
inline constexpr std::string_view kGenders[] = {"Male", "Female", "Prefer to skip"};

inline constexpr std::string_view kFirstNamesMale[] = {
    "Adam",   "Albert", "Andrew", "Anton",  "Arthur", "Ben",    "Carl",    "Charles", "Daniel",
    "David",  "Edgar",  "Emil",   "Eric",   "Felix",  "Frank",  "George",  "Gustav",  "Hassan",
    "Henry",  "Hugo",   "Ivan",   "Jack",   "James",  "Jonas",  "Joseph",  "Kenji",   "Leo",
    "Louis",  "Lucas",  "Marco",  "Martin", "Max",    "Miguel", "Nathan",  "Noah",    "Oliver",
    "Oscar",  "Patrick", "Paul",  "Peter",  "Rafael", "Robert", "Samuel",  "Simon",   "Stefan",
    "Theo",   "Thomas", "Victor", "Walter", "William"};
inline constexpr std::string_view kFirstNamesFemale[] = {
    "Ada",    "Agnes",  "Alice",  "Amina",  "Anna",   "Astrid", "Beatrice", "Carla",  "Charlotte",
    "Clara",  "Diana",  "Edith",  "Elena",  "Ella",   "Emily",  "Emma",     "Eva",    "Fatima",
    "Flora",  "Frida",  "Grace",  "Greta",  "Hannah", "Helen",  "Ida",      "Ingrid", "Iris",
    "Jane",   "Julia",  "Karin",  "Laura",  "Lena",   "Lily",   "Lucy",     "Maria",  "Martha",
    "Mila",   "Nina",   "Nora",   "Olivia", "Paula",  "Rosa",   "Ruth",     "Sara",   "Sofia",
    "Sonja",  "Stella", "Vera",   "Yuki",   "Zoe"};
inline constexpr std::string_view kLastNames[] = {
    "Adams",   "Almeida", "Andersson", "Baker",   "Bauer",   "Becker",  "Bell",    "Berg",
    "Bianchi", "Brown",   "Carter",    "Clark",   "Costa",   "Cruz",    "Diaz",    "Dubois",
    "Evans",   "Fischer", "Fischer",   "Foster",  "Garcia",  "Graham",  "Haddad",  "Hansen",
    "Harris",  "Hill",    "Hughes",    "Ito",     "Ivanov",  "Jensen",  "Johnson", "Keller",
    "Kim",     "Kowalski", "Lambert",  "Larsen",  "Lopez",   "Martin",  "Meyer",   "Miller",
    "Moore",   "Moreau",  "Nguyen",    "Novak",   "Okafor",  "Olsen",   "Parker",  "Patel",
    "Reed",    "Rossi",   "Sanchez",   "Sato",    "Schmidt", "Silva",   "Singh",   "Smith",
    "Tanaka",  "Taylor",  "Turner",    "Walker",  "Weber",   "White",   "Wilson",  "Young"};

inline constexpr std::string_view kChineseFirstNames[] = {
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡",
    "郭", "何", "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹"};
inline constexpr std::string_view kChineseLastNames[] = {
    "伟",   "芳",   "娜",   "敏",   "静",   "丽",   "强",   "磊",   "军",   "洋",
    "勇",   "艳",   "杰",   "涛",   "明",   "超",   "秀英", "霞",   "平",   "刚",
    "桂英", "文",   "建华", "玉兰", "晓明", "小红", "志强", "海燕", "春梅", "国强"};

}  // namespace tollgate::bloblang::fake_words
