/** The programs of the map. Positions come in the data's units; `view` takes them to clip space. */

export const POINT = `#version 300 es
layout(location = 0) in vec2 at;
layout(location = 1) in uint code;
uniform vec4 view;
uniform float size;
uniform highp sampler2D colours;
flat out vec3 tint;
void main() {
  gl_Position = vec4(at * view.xy + view.zw, 0., 1.);
  gl_PointSize = size;
  tint = texelFetch(colours, ivec2(int(code) & 255, int(code) >> 8), 0).rgb;
}`;

// A disc with a soft edge; of 3 pixels and less, a square: nobody sees the difference, and it costs less.
export const DOT = `#version 300 es
precision highp float;
flat in vec3 tint;
uniform float size;
uniform float opacity;
uniform vec4 fade; // towards this colour, by that much
out vec4 ink;
void main() {
  float a = opacity;
  if (size > 3.) a *= clamp(size * .5 - length(gl_PointCoord - .5) * size, 0., 1.);
  ink = vec4(mix(tint, fade.rgb, fade.a) * a, a);
}`;

export const LINE = `#version 300 es
layout(location = 0) in vec2 at;
uniform vec4 view;
void main() {
  gl_Position = vec4(at * view.xy + view.zw, 0., 1.);
}`;

export const INKED = `#version 300 es
precision highp float;
uniform vec4 tint; // times its own opacity
out vec4 ink;
void main() {
  ink = tint;
}`;

export const PICTURE = `#version 300 es
layout(location = 0) in vec4 item; // x, y, slot, code
layout(location = 1) in float strength;
uniform vec4 view;
uniform vec2 reach; // half a picture, in clip space
uniform highp sampler2D colours;
out vec2 on;
flat out vec2 slot;
flat out vec3 tint;
flat out float strong;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  on = vec2(corner.x, 1. - corner.y);
  gl_Position = vec4(item.xy * view.xy + view.zw + (corner * 2. - 1.) * reach, 0., 1.);
  int s = int(item.z);
  slot = vec2(s & 31, s >> 5);
  int code = int(item.w);
  tint = texelFetch(colours, ivec2(code & 255, code >> 8), 0).rgb;
  strong = strength;
}`;

export const FRAMED = `#version 300 es
precision highp float;
in vec2 on;
flat in vec2 slot;
flat in vec3 tint;
flat in float strong;
uniform sampler2D sheet;
uniform vec3 paper;
uniform float side; // of a picture, in pixels
uniform float frame; // its border
uniform float opacity;
out vec4 ink;
void main() {
  vec2 p = (on - .5) * side;
  float round = frame * 2.;
  vec2 q = abs(p) - side * .5 + round;
  float edge = length(max(q, 0.)) + min(max(q.x, q.y), 0.) - round;
  float a = clamp(.5 - edge, 0., 1.);
  float within = clamp(.5 - (edge + frame), 0., 1.);
  vec2 uv = clamp(p / (side - 2. * frame) + .5, .5 / 64., 1. - .5 / 64.);
  vec4 seen = texture(sheet, (slot + uv) / 32.);
  vec3 c = mix(tint, mix(paper, seen.rgb, seen.a), within);
  a *= opacity;
  ink = vec4(mix(paper, c, strong) * a, a);
}`;
