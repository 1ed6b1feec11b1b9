//! Names of the county's towns and villages, in characters and in letters.

use crate::demo::rng::Rng;

/// The 25 towns.
pub const TOWNS: [(&str, &str); 25] = [
    ("清河镇", "Qinghe Town"),
    ("鉴湖镇", "Jianhu Town"),
    ("平桥镇", "Pingqiao Town"),
    ("白塔镇", "Baita Town"),
    ("青石镇", "Qingshi Town"),
    ("柳园镇", "Liuyuan Town"),
    ("官渡镇", "Guandu Town"),
    ("新集镇", "Xinji Town"),
    ("东岭镇", "Dongling Town"),
    ("梅溪镇", "Meixi Town"),
    ("古井镇", "Gujing Town"),
    ("双桥镇", "Shuangqiao Town"),
    ("石门镇", "Shimen Town"),
    ("长堤镇", "Changdi Town"),
    ("枣林镇", "Zaolin Town"),
    ("龙泉镇", "Longquan Town"),
    ("沙湾镇", "Shawan Town"),
    ("安和镇", "Anhe Town"),
    ("竹坝镇", "Zhuba Town"),
    ("马陵镇", "Maling Town"),
    ("云台镇", "Yuntai Town"),
    ("芦荡镇", "Ludang Town"),
    ("丰乐镇", "Fengle Town"),
    ("望山镇", "Wangshan Town"),
    ("北闸镇", "Beizha Town"),
];

/// Village points of each town: 15 towns have 20, the rest 19, together 490.
pub fn villages_of(town: usize) -> usize {
    if town < 15 { 20 } else { 19 }
}

const HEADS: [(&str, &str); 44] = [
    ("王", "Wang"),
    ("李", "Li"),
    ("张", "Zhang"),
    ("刘", "Liu"),
    ("陈", "Chen"),
    ("杨", "Yang"),
    ("赵", "Zhao"),
    ("周", "Zhou"),
    ("吴", "Wu"),
    ("徐", "Xu"),
    ("孙", "Sun"),
    ("胡", "Hu"),
    ("朱", "Zhu"),
    ("高", "Gao"),
    ("何", "He"),
    ("郭", "Guo"),
    ("马", "Ma"),
    ("罗", "Luo"),
    ("宋", "Song"),
    ("郑", "Zheng"),
    ("谢", "Xie"),
    ("韩", "Han"),
    ("唐", "Tang"),
    ("冯", "Feng"),
    ("董", "Dong"),
    ("程", "Cheng"),
    ("曹", "Cao"),
    ("袁", "Yuan"),
    ("大", "Da"),
    ("小", "Xiao"),
    ("东", "Dong"),
    ("西", "Xi"),
    ("前", "Qian"),
    ("后", "Hou"),
    ("新", "Xin"),
    ("老", "Lao"),
    ("上", "Shang"),
    ("下", "Xia"),
    ("红", "Hong"),
    ("金", "Jin"),
    ("三", "San"),
    ("七", "Qi"),
    ("太平", "Taiping"),
    ("永兴", "Yongxing"),
];
const TAILS: [(&str, &str); 18] = [
    ("庄", "zhuang"),
    ("楼", "lou"),
    ("湾", "wan"),
    ("集", "ji"),
    ("桥", "qiao"),
    ("圩", "wei"),
    ("堂", "tang"),
    ("寨", "zhai"),
    ("营", "ying"),
    ("岗", "gang"),
    ("沟", "gou"),
    ("塘", "tang"),
    ("店", "dian"),
    ("坝", "ba"),
    ("墩", "dun"),
    ("井", "jing"),
    ("林", "lin"),
    ("渡", "du"),
];

/// The villages' names, each once in the county, in an order that the seed decides.
pub fn village_names(seed: u64) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = HEADS
        .iter()
        .flat_map(|head| {
            TAILS.iter().map(move |tail| {
                (
                    format!("{}{}村", head.0, tail.0),
                    format!("{}{} Village", head.1, tail.1),
                )
            })
        })
        .collect();
    let mut rng = Rng::keyed(&[seed, 31]);
    for i in (1..names.len()).rev() {
        names.swap(i, rng.range(0, i as i64) as usize);
    }
    names
}
