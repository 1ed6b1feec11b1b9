//! A scene on paper: plotters draws it as SVG or as pixels.

use image::{ImageEncoder, codecs::png::PngEncoder};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::scene::{Anchor, Rgb, Scene, Shape};

/// The one font that has every letter. Named exactly: of a family that is missing plotters draws empty boxes and says nothing.
pub const FONT: &str = "Noto Sans CJK SC";
/// Pixels to a unit of the scene.
const FINE: f64 = 2.0;

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// Plotters could not draw.
    #[error("the chart could not be drawn: {0}. Is the font {FONT} installed (fonts-noto-cjk)?")]
    Draw(String),
    /// The picture could not be written.
    #[error("the picture could not be written: {0}")]
    Encode(#[from] image::ImageError),
}

pub(super) fn svg(scene: &Scene) -> Result<String, PaintError> {
    let mut text = String::new();
    let size = (scene.width as u32, scene.height as u32);
    paint(SVGBackend::with_string(&mut text, size), scene, 1.0)?;
    Ok(text)
}

pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, PaintError> {
    let (width, height) = ((scene.width * FINE) as u32, (scene.height * FINE) as u32);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    paint(
        BitMapBackend::with_buffer(&mut pixels, (width, height)),
        scene,
        FINE,
    )?;
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(
        &pixels,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(file)
}

fn paint<B: DrawingBackend>(backend: B, scene: &Scene, scale: f64) -> Result<(), PaintError> {
    let failed = |error: DrawingAreaErrorKind<B::ErrorType>| PaintError::Draw(error.to_string());
    let area = backend.into_drawing_area();
    let at = |(x, y): (f64, f64)| ((x * scale).round() as i32, (y * scale).round() as i32);
    let all = |points: &[(f64, f64)]| points.iter().map(|point| at(*point)).collect::<Vec<_>>();
    for shape in &scene.shapes {
        match shape {
            Shape::Rect {
                x,
                y,
                width,
                height,
                fill,
                border,
            } => {
                let corners = [at((*x, *y)), at((x + width, y + height))];
                area.draw(&Rectangle::new(corners, colour(*fill).filled()))
                    .map_err(failed)?;
                if let Some(border) = border {
                    let line = colour(*border).stroke_width((1.5 * scale).round() as u32);
                    area.draw(&Rectangle::new(corners, line)).map_err(failed)?;
                }
            }
            Shape::Path {
                points,
                colour: ink,
                width,
            } => {
                let line = colour(*ink).stroke_width((width * scale).round().max(1.0) as u32);
                area.draw(&PathElement::new(all(points), line))
                    .map_err(failed)?;
            }
            Shape::Area { points, fill } => {
                area.draw(&Polygon::new(all(points), colour(*fill).filled()))
                    .map_err(failed)?;
            }
            Shape::Text {
                x,
                y,
                text,
                size,
                anchor,
                colour: ink,
            } => {
                let side = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let ink = colour(*ink);
                let style = TextStyle::from((FONT, size * scale).into_font())
                    .color(&ink)
                    .pos(Pos::new(side, VPos::Center));
                area.draw(&Text::new(text.as_str(), at((*x, *y)), style))
                    .map_err(failed)?;
            }
        }
    }
    area.present().map_err(failed)
}

fn colour(Rgb(red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}
