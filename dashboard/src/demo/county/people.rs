//! Names of people who do not exist, in the county's window staff and among its applicants.

use crate::demo::rng::Rng;

const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林",
    "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹",
    "袁", "邓", "许", "傅", "沈", "曾", "彭", "吕",
];
const GIVEN: [&str; 48] = [
    "伟", "芳", "娜", "敏", "静", "秀英", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟",
    "涛", "明", "超", "秀兰", "霞", "平", "刚", "桂英", "文", "辉", "玲", "建国", "晓燕", "志强",
    "海燕", "国庆", "春梅", "雪", "鹏", "慧", "建华", "玉兰", "浩", "婷", "宇", "晨", "佳", "欣",
    "俊", "莉", "斌", "红梅", "宁",
];

/// A full name.
pub fn name(rng: &mut Rng) -> String {
    format!("{}{}", rng.pick(&SURNAMES), rng.pick(&GIVEN))
}

/// Who works for a unit in a hall: the `nth` of its staff, always the same person.
pub fn staff(seed: u64, hall: usize, unit: usize, nth: u64) -> String {
    name(&mut Rng::keyed(&[seed, 21, hall as u64, unit as u64, nth]))
}
